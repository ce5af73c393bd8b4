//! Simple readers of HTTP, written after Go's server and independent of the program, for comparison. They are
//! as lenient as Go: they must read everything that the proxy accepts in the same way.

/// Paths of the creating operations in Go's router.
const CREATES: &[&str] = &[
    "/build",
    "/configs/create",
    "/containers/create",
    "/networks/create",
    "/secrets/create",
    "/services/create",
    "/volumes/create",
    "/commit",
    "/images/create",
];

/// The fields of a head, in order; names in lower case.
pub type Fields = Vec<(String, Vec<u8>)>;

/// Prefixes of the paths of updates, `PREFIX/ID/update`, which replace a specification.
const UPDATES: &[(&str, &str)] = &[
    ("/configs/", "/configs/create"),
    ("/secrets/", "/secrets/create"),
    ("/services/", "/services/create"),
];

/// One request as Go's server reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub method: String,
    pub target: String,
    pub fields: Fields,
    pub body: Vec<u8>,
}

impl Request {
    /// Returns the first field `name`, which must be in lower case.
    pub fn field(&self, name: &str) -> Option<&[u8]> {
        self.fields.iter().find(|(key, _)| key == name).map(|(_, value)| &**value)
    }
}

/// A value at the beginning of some bytes, and the rest; `None` if it is incomplete or malformed.
type Read<'b, T> = Option<(T, &'b [u8])>;

/// Reads all complete requests in `bytes`.
pub fn requests(mut bytes: &[u8]) -> Vec<Request> {
    let mut all = Vec::new();
    while let Some((request, rest)) = request(bytes) {
        all.push(request);
        bytes = rest;
    }
    all
}

/// Reads one request with its body.
pub fn request(bytes: &[u8]) -> Read<'_, Request> {
    let (mut request, rest) = head(bytes)?;
    let chunked = request.field("transfer-encoding").is_some();
    let (body, rest) = match request.field("content-length") {
        _ if chunked => dechunk(rest)?,
        Some(length) => {
            let length = str::from_utf8(length).ok()?.parse().ok()?;
            let (body, rest) = rest.split_at_checked(length)?;
            (body.to_vec(), rest)
        }
        None => (Vec::new(), rest),
    };
    request.body = body;
    Some((request, rest))
}

/// Reads a request head.
pub fn head(bytes: &[u8]) -> Read<'_, Request> {
    let (start, rest) = line(bytes)?;
    let mut words = str::from_utf8(start).ok()?.splitn(3, ' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    words.next().filter(|version| version.starts_with("HTTP/1."))?;
    let (fields, rest) = fields(rest)?;
    Some((Request { method, target, fields, body: Vec::new() }, rest))
}

/// Reads the field lines up to the empty line; a line that begins with a blank continues the previous one.
fn fields(mut bytes: &[u8]) -> Read<'_, Fields> {
    let mut fields = Fields::new();
    loop {
        let (field, rest) = line(bytes)?;
        bytes = rest;
        match (field, fields.last_mut()) {
            ([], _) => return Some((fields, rest)),
            ([b' ' | b'\t', ..], Some((_, value))) => value.extend(field),
            _ => {
                let colon = field.iter().position(|&byte| byte == b':')?;
                let name = str::from_utf8(&field[..colon]).ok()?.to_ascii_lowercase();
                fields.push((name, field[colon + 1..].trim_ascii().to_vec()));
            }
        }
    }
}

/// A response head as Go's client reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    pub ending: Ending,
    pub persistent: bool,
}

/// End of a response body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Length(u64),
    Chunked,
    Close,
}

/// Reads a response head; `to_head` means that it answers a HEAD.
pub fn response(bytes: &[u8], to_head: bool) -> Read<'_, Response> {
    let (start, rest) = line(bytes)?;
    let (version, status) = start.strip_prefix(b"HTTP/1.")?.split_at_checked(2)?;
    let status = str::from_utf8(status.get(..3)?).ok()?.parse().ok()?;
    let (fields, rest) = fields(rest)?;
    let all = |name: &str| -> Vec<String> {
        let found = fields.iter().filter(|(key, _)| key == name);
        found.map(|(_, value)| String::from_utf8_lossy(value).to_ascii_lowercase()).collect()
    };
    let connection = all("connection").join(",");
    let has = |option: &str| connection.split(',').any(|one| one.trim_ascii() == option);
    let ending = if to_head || matches!(status, 100..=199 | 204 | 304) {
        Ending::Length(0)
    } else if !all("transfer-encoding").is_empty() {
        Ending::Chunked
    } else if let Some(length) = all("content-length").first() {
        Ending::Length(length.parse().ok()?)
    } else {
        Ending::Close
    };
    let persistent = !has("close") && (version == b"1 " || has("keep-alive"));
    Some((Response { status, ending, persistent }, rest))
}

/// Reads a line that ends in LF or CRLF.
fn line(bytes: &[u8]) -> Read<'_, &[u8]> {
    let end = bytes.iter().position(|&byte| byte == b'\n')?;
    let line = &bytes[..end];
    Some((line.strip_suffix(b"\r").unwrap_or(line), &bytes[end + 1..]))
}

/// Reads the content of a chunked body.
pub fn dechunk(mut bytes: &[u8]) -> Read<'_, Vec<u8>> {
    let mut content = Vec::new();
    loop {
        let (size, rest) = line(bytes)?;
        let size = size.split(|&byte| byte == b';').next()?;
        let size = str::from_utf8(size).ok()?.trim_end_matches([' ', '\t', '\r']);
        if size.len() > 16 || !size.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let size = usize::from_str_radix(size, 16).ok()?;
        if size == 0 {
            bytes = rest;
            break;
        }
        let (data, rest) = rest.split_at_checked(size)?;
        content.extend(data);
        bytes = rest.strip_prefix(b"\r\n")?;
    }
    loop {
        let (trailer, rest) = line(bytes)?;
        bytes = rest;
        if trailer.is_empty() {
            return Some((content, rest));
        }
    }
}

/// Returns the path of the creating operation that Go's router finds.
pub fn creates(method: &str, target: &str) -> Option<&'static str> {
    routed(method, target, is_version, |id| !id.is_empty() && !id.contains('/'))
}

/// The same for a router that accepts any text that starts like a version, and any id.
pub fn may_create(method: &str, target: &str) -> Option<&'static str> {
    let is_like_version = |segment: &str| {
        let like = |c: char| c.is_ascii_digit() || c == '.';
        segment.strip_prefix("/v").is_some_and(|rest| rest.starts_with(like) && !rest.contains('/'))
    };
    routed(method, target, is_like_version, |id| !id.is_empty())
}

fn routed(
    method: &str,
    target: &str,
    is_version: fn(&str) -> bool,
    is_id: fn(&str) -> bool,
) -> Option<&'static str> {
    if method != "POST" {
        return None;
    }
    let path = String::from_utf8_lossy(&path(target)?).into_owned();
    let is_before = |version: &str| version.is_empty() || is_version(version);
    let found = CREATES.iter().find(|route| path.strip_suffix(**route).is_some_and(is_before));
    // An update replaces the whole specification, so it is like a create.
    let updates = UPDATES.iter().find(|(kind, _)| {
        let (version, rest) = path.split_once(kind).unwrap_or_default();
        is_before(version) && rest.strip_suffix("/update").is_some_and(is_id)
    });
    match found.or(updates.map(|(_, route)| route)) {
        Some(&"/images/create") if pulls(target) => None,
        route => route.copied(),
    }
}

fn pulls(target: &str) -> bool {
    query_value(target, "fromImage").is_some_and(|image| !image.is_empty())
}

/// Docker accepts `/v[0-9.]+`, Podman `/v[0-9][0-9A-Za-z.-]*`.
fn is_version(segment: &str) -> bool {
    let Some(version) = segment.strip_prefix("/v").filter(|version| !version.is_empty()) else {
        return false;
    };
    let docker = version.chars().all(|c| c.is_ascii_digit() || c == '.');
    let podman = version.starts_with(|first: char| first.is_ascii_digit())
        && version.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-');
    docker || podman
}

/// Returns the decoded path of a target, like `url.ParseRequestURI`.
fn path(target: &str) -> Option<Vec<u8>> {
    let mut rest = target;
    if let Some(colon) = target.find(|c: char| !c.is_ascii_alphanumeric() && !"+-.".contains(c))
        && target[colon..].starts_with(':')
        && target.starts_with(|first: char| first.is_ascii_alphabetic())
    {
        rest = &target[colon + 1..];
    }
    let has_scheme = rest.len() < target.len();
    let mut path = rest.split('?').next()?;
    if !path.starts_with('/') {
        return None;
    }
    if has_scheme && path.starts_with("//") {
        path = &path[2..];
        path = &path[path.find('/')?..];
    }
    unescape(path.as_bytes())
}

/// Returns the pairs of a query, like `url.ParseQuery`: malformed ones are dropped.
pub fn query(target: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
    let query = target.split_once('?').map_or("", |(_, query)| query);
    let mut pairs = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty() && !pair.contains(';')) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let decoded = |text: &str| unescape(text.replace('+', " ").as_bytes());
        if let (Some(key), Some(value)) = (decoded(key), decoded(value)) {
            pairs.push((key, value));
        }
    }
    pairs
}

/// Returns the value that Go's `Form.Get` finds in the query.
pub fn query_value(target: &str, key: &str) -> Option<Vec<u8>> {
    query(target).into_iter().find(|pair| pair.0 == key.as_bytes()).map(|pair| pair.1)
}

fn unescape(text: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::new();
    let mut rest = text;
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        if byte == b'%' {
            let (digits, behind) = rest.split_at_checked(2)?;
            let digits = str::from_utf8(digits).ok().filter(|digits| !digits.contains('+'))?;
            decoded.push(u8::from_str_radix(digits, 16).ok()?);
            rest = behind;
        } else {
            decoded.push(byte);
        }
    }
    Some(decoded)
}
