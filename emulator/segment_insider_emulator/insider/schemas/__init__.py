"""JSON documents: what users, attributes and parameters must look like, and code lists."""
