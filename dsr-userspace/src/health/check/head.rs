//! The head of an HTTP answer, of which only the status counts. Pure.
//!
//! Read as curl reads it: of a header field only its end is looked at, so that an odd one takes no server away from its
//! clients. Kept is the beginning of one line, however much comes.

/// A head that comes in parts.
#[derive(Debug, Default)]
pub(super) struct Head {
    /// The beginning of the line that is being read.
    line: Vec<u8>,
    /// The status of the last status line; nothing before that.
    status: Option<u16>,
    bytes: usize,
}

impl Head {
    /// Takes what came; the status where the head has its end in that. Interim answers (RFC 9110, 15.2) are passed over.
    pub(super) fn take(&mut self, part: &[u8]) -> Result<Option<u16>, String> {
        for byte in part {
            self.bytes += 1;
            match byte {
                b'\n' => {
                    if let Some(status) = self.end_line()? {
                        return Ok(Some(status));
                    }
                }
                byte if self.line.len() < KEPT => self.line.push(*byte),
                _ => {}
            }
        }
        if self.bytes > LONGEST { Err(format!("its head is longer than {LONGEST} bytes")) } else { Ok(None) }
    }

    /// The status where the connection has ended in the head: it ends the head too.
    pub(super) fn end(self) -> Result<u16, String> {
        match self.status {
            Some(status) if !is_interim(status) => Ok(status),
            _ if self.bytes == 0 => Err("the connection ends without an answer".to_owned()),
            _ => Err(format!("the connection ends within the status line, {}", shown(&self.line))),
        }
    }

    fn end_line(&mut self) -> Result<Option<u16>, String> {
        let line = std::mem::take(&mut self.line);
        let line = line.strip_suffix(b"\r").unwrap_or(&line);
        match self.status {
            // Lines before the first that are empty are nothing (RFC 9112, 2.2).
            None if line.is_empty() => Ok(None),
            None => {
                let status = status(line).ok_or_else(|| format!("its first line is {}", shown(line)))?;
                self.status = Some(status);
                Ok(None)
            }
            Some(_) if !line.is_empty() => Ok(None),
            Some(status) if is_interim(status) => {
                self.status = None;
                Ok(None)
            }
            Some(status) => Ok(Some(status)),
        }
    }
}

/// The three digits behind a version, of a line like `HTTP/1.1 200 OK`.
fn status(line: &[u8]) -> Option<u16> {
    let (protocol, version) = line.split_at_checked(PROTOCOL.len())?;
    let blank = version.iter().position(u8::is_ascii_whitespace)?;
    let (version, rest) = version.split_at(blank);
    let is_version = matches!(version, [b'0'..=b'9'] | [b'0'..=b'9', b'.', b'0'..=b'9']);
    let rest = rest.trim_ascii_start();
    let end = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
    let code = (end == 3).then(|| rest[..end].iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0')))?;
    (protocol.eq_ignore_ascii_case(PROTOCOL) && is_version && code >= 100).then_some(code)
}

/// Whether another head follows; after 101 another protocol does.
const fn is_interim(status: u16) -> bool {
    matches!(status, 100 | 102..=199)
}

fn shown(line: &[u8]) -> String {
    let end = line.len().min(SHOWN);
    format!("\"{}\"{}", line[..end].escape_ascii(), if end < line.len() { ".." } else { "" })
}

const PROTOCOL: &[u8] = b"HTTP/";
/// Bytes of a line that are kept: a status line has its code in them.
const KEPT: usize = 128;
/// Bytes of a line that are shown.
const SHOWN: usize = 40;
/// Bytes of all heads of an answer: as many as curl takes (`MAX_HTTP_RESP_HEADER_SIZE`).
const LONGEST: usize = 300 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    /// The status of an answer, which has to be the same however it is divided.
    fn read(answer: &str) -> Result<u16, String> {
        let read = |size: usize| {
            let mut head = Head::default();
            for part in answer.as_bytes().chunks(size) {
                if let Some(status) = head.take(part)? {
                    return Ok(status);
                }
            }
            head.end()
        };
        let whole = read(answer.len().max(1));
        assert_eq!(read(1), whole);
        whole
    }

    #[test]
    fn the_status_is_read_whatever_is_around_it() {
        for answer in [
            "HTTP/1.1 200 OK\r\nServer : x\r\n folded\r\nno colon\r\n\r\nHTTP/1.1 500 no\r\n\r\n",
            "HTTP/1.0 200\n\n",
            "\r\nhttp/2  200 \u{1}\r\n\r\n",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nServer: cut off",
        ] {
            assert_eq!(read(answer), Ok(200), "{answer:?}");
        }
        assert_eq!(read("HTTP/1.1 101 Switching Protocols\r\n\r\n"), Ok(101));
    }

    #[test]
    fn what_is_no_status_says_why() {
        for (answer, why) in [
            ("", "the connection ends without an answer"),
            ("HTTP/1.1 20", "the connection ends within the status line, \"HTTP/1.1 20\""),
            ("HTTP/1.1 100 Continue\r\n\r\n", "the connection ends within the status line, \"\""),
            ("SSH-2.0-OpenSSH\r\n", "its first line is \"SSH-2.0-OpenSSH\""),
            ("HTTP/1.1 2000 OK\r\n\r\n", "its first line is \"HTTP/1.1 2000 OK\""),
            ("HTTP/1.1 099 OK\r\n\r\n", "its first line is \"HTTP/1.1 099 OK\""),
            ("HTTP/11 200 OK\r\n\r\n", "its first line is \"HTTP/11 200 OK\""),
            ("HTTP\n\n", "its first line is \"HTTP\""),
        ] {
            assert_eq!(read(answer), Err(why.to_owned()), "{answer:?}");
        }
        assert!(read(&"x\0".repeat(200_000)).is_err_and(|why| why.contains("longer than")));
    }

    #[test]
    fn a_long_head_is_not_kept() {
        let mut head = Head::default();
        assert_eq!(head.take(b"HTTP/1.1 200 OK\r\n"), Ok(None));
        assert_eq!(head.take(&vec![b'x'; 100_000]), Ok(None));
        assert_eq!(head.line.len(), KEPT);
        assert_eq!(head.take(b"\r\n\r\n"), Ok(Some(200)));
    }
}
