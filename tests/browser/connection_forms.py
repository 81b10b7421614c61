"""Every type of connection, as it is filled into a form and as it is written in YAML."""

from __future__ import annotations

from collections.abc import Mapping

SECRET = "hunter2-of-the-portal"
TARGET = "https://there.example/x"

ENTRA = "Microsoft Entra ID"
ACCOUNT_KEY = "credentials: {type: account_key, account_key: SECRET}"
PRINCIPAL = "credentials: {type: service_principal, tenant_id: t, client_id: c, client_secret: SECRET}"
USER = "credentials: {type: username_password, username: ann, password: SECRET}"
FORMS: Mapping[str, tuple[dict[str, str], str]] = {
    "Azure OpenAI": (
        {"Endpoint": TARGET, "API version": "2024-06-01", "Resource ID": "/r", "Key": SECRET},
        f"azure_open_ai\nazure_endpoint: {TARGET}\napi_version: 2024-06-01\nopen_ai_resource_id: /r\napi_key: SECRET",
    ),
    "Azure OpenAI ": ({"Endpoint": TARGET, "Authentication": ENTRA}, f"azure_open_ai\nazure_endpoint: {TARGET}"),
    "OpenAI": (
        {"Base URL": TARGET, "Organization": "o", "Key": SECRET},
        f"open_ai\ntarget: {TARGET}\norganization: o\napi_key: SECRET",
    ),
    "Azure AI Services": (
        {"Endpoint": TARGET, "Resource ID": "/r", "Authentication": ENTRA},
        f"azure_ai_services\nendpoint: {TARGET}\nai_services_resource_id: /r",
    ),
    "Serverless model": ({"Endpoint": TARGET, "Key": SECRET}, f"serverless\nendpoint: {TARGET}\napi_key: SECRET"),
    "Azure AI Search": (
        {"Endpoint": TARGET, "API version": "1", "API type": "t", "Key": SECRET},
        f"azure_ai_search\nendpoint: {TARGET}\napi_version: '1'\napi_type: t\napi_key: SECRET",
    ),
    "Azure AI Search ": (
        {"Endpoint": TARGET, "Key": SECRET},
        f"cognitive_search\napi_base: {TARGET}\napi_key: SECRET",
    ),
    "Serp": ({"Key": SECRET}, "serp\napi_key: SECRET"),
    "Qdrant": ({"API base": TARGET, "Key": SECRET}, f"qdrant\napi_base: {TARGET}\napi_key: SECRET"),
    "Weaviate": ({"API base": TARGET, "Key": SECRET}, f"weaviate\napi_base: {TARGET}\napi_key: SECRET"),
    "Azure AI Content Safety": (
        {"Endpoint": TARGET, "Key": SECRET},
        f"azure_content_safety\nendpoint: {TARGET}\napi_key: SECRET",
    ),
    "Azure AI Speech": (
        {"Endpoint": TARGET, "Authentication": ENTRA},
        f"azure_speech_services\nendpoint: {TARGET}",
    ),
    "Azure AI Document Intelligence (Form Recognizer)": (
        {"Endpoint": TARGET, "API version": "2", "Key": SECRET},
        f"form_recognizer\nendpoint: {TARGET}\napi_version: '2'\napi_key: SECRET",
    ),
    "Custom": (
        {"Target": TARGET, "key pin": SECRET, "key b.c": SECRET, "setting host": "h", "setting port": "1"},
        f"custom\ntarget: {TARGET}\nsecrets: {{pin: SECRET, b.c: SECRET}}\nconfigs: {{host: h, port: '1'}}",
    ),
    "API key": ({"API base": TARGET, "Key": SECRET}, f"api_key\napi_base: {TARGET}\napi_key: SECRET"),
    "Git": (
        {"Target": TARGET, "Authentication": "Personal access token", "Personal access token": SECRET},
        f"git\ntarget: {TARGET}\ncredentials: {{type: pat, pat: SECRET}}",
    ),
    "Python feed": (
        {"Target": TARGET, "User name": "ann", "Password": SECRET},
        f"python_feed\ntarget: {TARGET}\n{USER}",
    ),
    "Container registry": (
        {"Target": TARGET, "User name": "ann", "Password": SECRET},
        f"container_registry\ntarget: {TARGET}\n{USER}",
    ),
    "Azure Blob Storage": (
        {"URL": TARGET, "Account name": "a", "Container name": "c", "SAS token": SECRET},
        f"azure_blob\nurl: {TARGET}\naccount_name: a\ncontainer_name: c\ncredentials: {{type: sas, sas_token: SECRET}}",
    ),
    "Azure Blob Storage ": (
        {
            "URL": TARGET,
            "Account name": "a",
            "Container name": "c",
            "Authentication": "Account key",
            "Account key": SECRET,
        },
        f"azure_blob\nurl: {TARGET}\naccount_name: a\ncontainer_name: c\n{ACCOUNT_KEY}",
    ),
    "Azure Data Lake Storage Gen2": (
        {
            "Target": TARGET,
            "Authentication": "Service principal",
            "Tenant ID": "t",
            "Client ID": "c",
            "Client secret": SECRET,
        },
        f"azure_data_lake_gen2\ntarget: {TARGET}\n{PRINCIPAL}",
    ),
    "Microsoft OneLake": ({"Target": TARGET}, f"azure_one_lake\ntarget: {TARGET}"),
    "Amazon S3": (
        {"Target": TARGET, "Access key ID": "i", "Secret access key": SECRET},
        f"s3\ntarget: {TARGET}\ncredentials: {{type: access_key, access_key_id: i, secret_access_key: SECRET}}",
    ),
    "Snowflake": ({"Target": TARGET, "User name": "ann", "Password": SECRET}, f"snowflake\ntarget: {TARGET}\n{USER}"),
    "Azure SQL Database": ({"Target": TARGET, "Authentication": "None"}, f"azure_sql_db\ntarget: {TARGET}"),
    "Azure Synapse Analytics": (
        {"Target": TARGET, "Authentication": "None"},
        f"azure_synapse_analytics\ntarget: {TARGET}",
    ),
    "Azure Database for MySQL": ({"Target": TARGET, "Authentication": "None"}, f"azure_my_sql_db\ntarget: {TARGET}"),
    "Azure Database for PostgreSQL": (
        {"Target": TARGET, "User name": "ann", "Password": SECRET},
        f"azure_postgres_db\ntarget: {TARGET}\n{USER}",
    ),
}
"""Label of a type → what is filled into its form, and the YAML that comes to the same; blanks at a label's end tell two
forms of one type apart."""
