"""The REST API, `/api/v1`. The bearer token says which org; docs and the OpenAPI document are made from the code."""
