//! XML-RPC, true to Python's `xmlrpc.client` and `xmlrpc.server`: client, multicall, server.
