//! Figures of a server, in the text format of OpenMetrics.
