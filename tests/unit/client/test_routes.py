import pytest

from headrace.client.routes import Route, proxy_for
from headrace.errors import InvalidSetting


def test_an_address_is_taken_apart():
    route = Route("https://a.example/api/", {})
    assert (route.host, route.port, route.path, route.is_tls) == ("a.example", 443, "/api", True)
    assert Route("http://[::1]:4200/api", {}).host_header == "[::1]:4200"


@pytest.mark.parametrize("url", ["", "localhost:4200/api", "ftp://a/api", "http://", "http://a:x/"])
def test_what_is_no_address_is_refused_with_an_example(url):
    with pytest.raises(InvalidSetting, match="http://127"):
        Route(url, {})


@pytest.mark.parametrize(
    ("scheme", "host", "environment", "proxy"),
    [
        ("http", "a.example", {}, None),
        ("http", "a.example", {"HTTP_PROXY": "http://p:1"}, "http://p:1"),
        ("https", "a.example", {"HTTP_PROXY": "http://p:1"}, None),
        ("https", "a.example", {"all_proxy": "http://p:1"}, "http://p:1"),
        ("http", "127.0.0.1", {"HTTP_PROXY": "http://p:1"}, None),
        ("http", "b.a.example", {"HTTP_PROXY": "http://p:1", "NO_PROXY": "x,.a.example"}, None),
        ("http", "ba.example", {"HTTP_PROXY": "http://p", "NO_PROXY": "a.example"}, "http://p"),
        ("http", "a.example", {"HTTP_PROXY": "http://p:1", "NO_PROXY": "*"}, None),
        ("http", "a.example", {"HTTP_PROXY": "http://p:1", "no_proxy": "a.example:4200"}, None),
    ],
)
def test_the_environment_names_the_proxy(scheme, host, environment, proxy):
    assert proxy_for(scheme, host, 4200, environment) == proxy


def test_a_proxys_credentials_are_taken_from_its_address():
    route = Route("http://a.example", {"http_proxy": "http://u:p%40@proxy:3128"})
    assert route.proxy == ("proxy", 3128)
    assert route.proxy_authorization == "Basic dTpwQA=="
