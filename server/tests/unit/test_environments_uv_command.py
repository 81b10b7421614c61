"""What a build gets of the server's environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowstead.environments.uv_command import build_variables, words_of

CACHE = Path("/cache")
OURS = {
    "UV_CACHE_DIR": "/cache",
    "UV_LINK_MODE": "copy",
    "UV_PYTHON_DOWNLOADS": "never",
    "UV_NO_PROGRESS": "1",
    "NO_COLOR": "1",
}


def test_the_way_to_the_indexes_is_kept_and_nothing_else() -> None:
    host = {
        "PATH": "/bin",
        "HTTPS_PROXY": "http://127.0.0.1:3128",
        "SSL_CERT_FILE": "/ca.pem",
        "UV_INDEX_URL": "https://127.0.0.1/simple",
        "OPENAI_API_KEY": "secret",
        "FLOWSTEAD_HOME": "/home",
        "PYTHONPATH": "/elsewhere",
        "VIRTUAL_ENV": "/venv",
        "UV_CACHE_DIR": "/another",
        "UV_LINK_MODE": "hardlink",
        "UV_SYSTEM_PYTHON": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    kept = {name: host[name] for name in ("PATH", "HTTPS_PROXY", "SSL_CERT_FILE", "UV_INDEX_URL")}
    assert build_variables(host, CACHE) == kept | OURS


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ({"PIP_INDEX_URL": "https://a"}, {"UV_DEFAULT_INDEX": "https://a"}),
        ({"PIP_INDEX_URL": "https://a", "UV_INDEX_URL": "https://b"}, {"UV_INDEX_URL": "https://b"}),
        ({"PIP_EXTRA_INDEX_URL": "https://a https://b"}, {"UV_INDEX": "https://a https://b"}),
        ({"PIP_FIND_LINKS": "/a /b"}, {"UV_FIND_LINKS": "/a,/b"}),
        ({"PIP_CERT": "/ca.pem"}, {"SSL_CERT_FILE": "/ca.pem"}),
        ({"PIP_CERT": "/ca.pem", "SSL_CERT_FILE": "/other.pem"}, {"SSL_CERT_FILE": "/other.pem"}),
        ({"PIP_TRUSTED_HOST": "internal"}, {"UV_INSECURE_HOST": "internal"}),
        ({"PIP_INDEX_URL": ""}, {}),
        ({"PIP_NO_CACHE_DIR": "1"}, {}),
    ],
)
def test_pips_settings_are_put_in_uvs_words(host: dict[str, str], expected: dict[str, str]) -> None:
    assert build_variables(host, CACHE) == expected | OURS


def test_words_of() -> None:
    assert words_of(["a", "b"], "--host") == ["--host", "a", "--host", "b"]
