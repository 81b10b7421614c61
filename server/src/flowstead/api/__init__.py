"""The REST API in Azure ML's shape, one module a resource."""
