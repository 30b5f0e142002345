//! Queries and forms as records (the URL standard, application/x-www-form-urlencoded).
