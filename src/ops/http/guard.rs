//! Who may ask what: names against rebinding, origins against forged requests, a token for other machines.

use std::net::IpAddr;

use axum::http::{HeaderMap, Method, header};

/// Cookie that stands for the token.
const COOKIE: &str = "ibnats_session";
/// A token that can be guessed is none.
const TOKEN_BYTES_MIN: usize = 16;

/// What a request must show.
#[derive(Debug)]
pub(super) struct Guard {
    names: Vec<String>,
    token: Option<String>,
    /// Value of the cookie in this run.
    session: String,
}

/// Why a request is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It came under a name that is not ours.
    Host,
    /// A page of another site sent it.
    Origin,
    /// It shows no token.
    Token,
}

impl Guard {
    /// `session` must be a secret of this run.
    ///
    /// # Errors
    ///
    /// If the token is too short.
    pub(super) fn new(names: &[String], token: Option<String>, session: String) -> Result<Self, String> {
        if token.as_ref().is_some_and(|token| token.len() < TOKEN_BYTES_MIN) {
            return Err(format!("the token in http.token_file is shorter than {TOKEN_BYTES_MIN} characters"));
        }
        let names = names.iter().map(|name| name.to_ascii_lowercase()).collect();
        Ok(Self { names, token, session })
    }

    /// Judges a request to `path`.
    pub(super) fn check(&self, method: &Method, path: &str, headers: &HeaderMap) -> Result<(), Refusal> {
        let host = text(headers, &header::HOST).unwrap_or_default();
        if !self.is_ours(host) {
            return Err(Refusal::Host);
        }
        if !is_own_origin(headers, host) && (method != Method::GET || path == "/events") {
            return Err(Refusal::Origin);
        }
        if is_open(path) || self.is_authorised(headers) { Ok(()) } else { Err(Refusal::Token) }
    }

    /// A page of another site can point a name of its own at this address, but not a name of ours, nor can it
    /// make a bare address resolve to something else.
    fn is_ours(&self, host: &str) -> bool {
        let name = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
        let name = name.map_or(host, |(name, _)| name).to_ascii_lowercase();
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        bare.parse::<IpAddr>().is_ok() || name == "localhost" || self.names.contains(&name)
    }

    /// True if it shows the token or the cookie, or none is needed.
    pub(super) fn is_authorised(&self, headers: &HeaderMap) -> bool {
        let Some(token) = &self.token else { return true };
        let bearer = text(headers, &header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
        let cookies = text(headers, &header::COOKIE).unwrap_or_default();
        let cookie = cookies.split(';').find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='));
        bearer.is_some_and(|shown| is_same(shown, token)) || cookie.is_some_and(|shown| is_same(shown, &self.session))
    }

    /// The cookie to set, if this is the token.
    pub(super) fn cookie_for(&self, shown: &str) -> Option<String> {
        let token = self.token.as_ref()?;
        is_same(shown, token).then(|| format!("{COOKIE}={}; Path=/; HttpOnly; SameSite=Strict", self.session))
    }

    /// The cookie that ends a session.
    pub(super) fn no_cookie() -> String {
        format!("{COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0")
    }
}

/// Probes tell nothing but yes or no without a token; the page has to be there to ask for one.
fn is_open(path: &str) -> bool {
    let is_probe = path == "/livez" || path == "/readyz" || path.starts_with("/readyz/");
    is_probe || matches!(path, "/" | "/login" | "/logout") || path.starts_with("/assets/")
}

/// Browsers name the page that asks. Programs do not, and cannot be tricked by one.
fn is_own_origin(headers: &HeaderMap, host: &str) -> bool {
    let origin = text(headers, &header::ORIGIN);
    let is_own = |origin: &str| origin.split_once("://").is_some_and(|(_, name)| name.eq_ignore_ascii_case(host));
    let site = headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
    origin.is_none_or(is_own) && site.is_none_or(|site| site == "same-origin" || site == "none")
}

fn text<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Takes as long for a near miss as for a far one.
fn is_same(shown: &str, secret: &str) -> bool {
    let differing = shown.bytes().zip(secret.bytes()).fold(0, |differing, (a, b)| differing | (a ^ b));
    differing == 0 && shown.len() == secret.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef";

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value"))).collect()
    }

    #[track_caller]
    fn check(
        token: Option<&str>,
        method: &Method,
        path: &str,
        pairs: &[(&'static str, &'static str)],
        want: Result<(), Refusal>,
    ) {
        let guard = Guard::new(&["desk.example".to_owned()], token.map(str::to_owned), "secret".to_owned());
        assert_eq!(guard.expect("a guard").check(method, path, &headers(pairs)), want, "{method} {path} {pairs:?}");
    }

    #[test]
    fn only_addresses_and_configured_names_are_served() {
        for host in ["127.0.0.1:9464", "localhost", "[::1]:9464", "10.1.2.3", "Desk.Example:80"] {
            check(None, &Method::GET, "/metrics", &[("host", host)], Ok(()));
        }
        for host in ["evil.example", "evil.example:9464", "", "localhost.evil.example"] {
            check(None, &Method::GET, "/metrics", &[("host", host)], Err(Refusal::Host));
        }
    }

    #[test]
    fn a_page_of_another_site_can_send_nothing() {
        let here = ("host", "127.0.0.1:9464");
        let post = Method::POST;
        check(None, &post, "/req/risk/halt", &[here, ("origin", "http://127.0.0.1:9464")], Ok(()));
        check(None, &post, "/req/risk/halt", &[here], Ok(()));
        check(None, &post, "/req/risk/halt", &[here, ("origin", "http://evil.example")], Err(Refusal::Origin));
        check(None, &post, "/req/risk/halt", &[here, ("origin", "http://127.0.0.1:8000")], Err(Refusal::Origin));
        check(None, &post, "/req/risk/halt", &[here, ("origin", "null")], Err(Refusal::Origin));
        check(None, &post, "/req/risk/halt", &[here, ("sec-fetch-site", "cross-site")], Err(Refusal::Origin));
        check(None, &Method::GET, "/events", &[here, ("sec-fetch-site", "cross-site")], Err(Refusal::Origin));
    }

    #[test]
    fn a_token_is_shown_as_bearer_or_cookie() {
        let (here, get) = (("host", "localhost"), Method::GET);
        check(Some(TOKEN), &get, "/metrics", &[here], Err(Refusal::Token));
        check(Some(TOKEN), &get, "/metrics", &[here, ("authorization", "Bearer 0123456789abcdef")], Ok(()));
        check(
            Some(TOKEN),
            &get,
            "/metrics",
            &[here, ("authorization", "Bearer 0123456789abcdee")],
            Err(Refusal::Token),
        );
        check(Some(TOKEN), &get, "/events", &[here, ("cookie", "a=b; ibnats_session=secret")], Ok(()));
        check(Some(TOKEN), &get, "/events", &[here, ("cookie", "ibnats_session=secre")], Err(Refusal::Token));
        for path in ["/", "/assets/console.css", "/livez", "/readyz", "/readyz/orders", "/login"] {
            check(Some(TOKEN), &get, path, &[here], Ok(()));
        }
        check(Some(TOKEN), &Method::POST, "/req/risk/halt", &[here], Err(Refusal::Token));
    }

    #[test]
    fn a_short_token_is_refused() {
        assert!(Guard::new(&[], Some("short".to_owned()), String::new()).is_err());
    }
}
