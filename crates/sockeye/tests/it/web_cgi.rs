//! CGI programs over real connections.
