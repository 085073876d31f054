//! Reads the texts of notices: the farm one names, and the characters it had to escape.

use std::borrow::Cow;

/// The farm that a farm notice (2103-2108, 2119, 2157, 2158) names, as in
/// `Market data farm connection is OK:usfarm.nj`.
///
/// The idle notices (2107, 2108) end a sentence instead of using a colon:
/// `... but should be available upon demand.ushmds`. `None` if what follows is not one word.
pub fn farm_name(text: &str) -> Option<&str> {
    // A gateway that speaks Chinese or Japanese writes a full-width colon.
    let (_, name) = text.rsplit_once([':', '：']).or_else(|| text.split_once('.'))?;
    let name = name.trim();
    (!name.is_empty() && !name.contains(char::is_whitespace)).then_some(name)
}

/// Resolves the `\uXXXX` escapes with which a gateway keeps its texts in ASCII. Two of them may be
/// halves of one character. What is not a whole escape stays as it is.
pub fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains("\\u") {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\\u") {
        plain.push_str(before);
        if let Some((character, tail)) = leading_char(after) {
            plain.push(character);
            rest = tail;
        } else {
            plain.push_str("\\u");
            rest = after;
        }
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

/// The character whose escape `text` begins with (without its first `\u`), and what follows it.
fn leading_char(text: &str) -> Option<(char, &str)> {
    let (first, rest) = code_unit(text)?;
    if let Some(character) = char::from_u32(u32::from(first)) {
        return Some((character, rest));
    }
    let (second, rest) = code_unit(rest.strip_prefix("\\u")?)?;
    let character = char::decode_utf16([first, second]).next()?.ok()?;
    Some((character, rest))
}

fn code_unit(text: &str) -> Option<(u16, &str)> {
    let (digits, rest) = text.split_at_checked(4)?;
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let unit = u16::from_str_radix(digits, 16).ok().filter(|_| is_hex)?;
    Some((unit, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_farm_is_named_after_the_last_colon_or_the_sentence() {
        for (text, farm) in [
            ("Market data farm connection is OK:usfarm.nj", Some("usfarm.nj")),
            ("HMDS data farm connection is broken: ushmds ", Some("ushmds")),
            ("Note: Sec-def data farm connection is OK:secdefil", Some("secdefil")),
            ("HMDS data farm connection is inactive but should be available upon demand.ushmds", Some("ushmds")),
            (
                "Market data farm connection is inactive but should be available upon demand.usfarm.nj",
                Some("usfarm.nj"),
            ),
            ("市场数据连接正常：usfarm", Some("usfarm")),
            ("Market data farm connection is OK:", None),
            ("Market data farm connection is OK. Please wait", None),
            ("", None),
        ] {
            assert_eq!(farm_name(text), farm, "{text}");
        }
    }

    #[test]
    fn escapes_become_the_characters_they_stand_for() {
        for (escaped, plain) in [
            ("Soci\\u00e9t\\u00E9 G\\u00e9n\\u00e9rale", "Société Générale"),
            ("\\u5e02\\u573a", "市场"),
            ("\\ud83d\\ude00!", "😀!"),
            ("plain", "plain"),
            ("C:\\users", "C:\\users"),
            ("\\u00", "\\u00"),
            ("\\u+0a1", "\\u+0a1"),
            ("\\ud83d alone", "\\ud83d alone"),
            ("\\ud83d\\u0041", "\\ud83dA"),
            ("\\u00é", "\\u00é"),
            ("\\\\u0041", "\\A"),
        ] {
            assert_eq!(unescape(escaped), plain, "{escaped}");
        }
    }

    #[test]
    fn text_without_escapes_is_not_copied() {
        assert!(matches!(unescape("Order rejected"), Cow::Borrowed(_)));
    }
}
