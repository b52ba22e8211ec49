//! A text in a page that comes in parts. Pure.
//!
//! Of what has come only as much is kept as the beginning of the text may have in it.

use memchr::memmem;

use super::Failure;

/// Looks for one text.
#[derive(Debug)]
pub(super) struct Search {
    wanted: Vec<u8>,
    /// The end of what came before, shorter than the text.
    tail: Vec<u8>,
    searched: u64,
}

impl Search {
    /// A search for this text.
    pub(super) fn new(wanted: &str) -> Self {
        Self { wanted: wanted.as_bytes().to_vec(), tail: Vec::new(), searched: 0 }
    }

    /// Takes the next part of the page; whether the text ends in it.
    pub(super) fn finds(&mut self, part: &[u8]) -> bool {
        self.searched += part.len() as u64;
        let most = self.wanted.len().saturating_sub(1);
        // What may hold a text that begins before this part.
        let border = [&self.tail, &part[..part.len().min(most)]].concat();
        let found = memmem::find(&border, &self.wanted).or_else(|| memmem::find(part, &self.wanted)).is_some();
        let end = if part.len() >= most { part } else { &border };
        self.tail = end[end.len() - end.len().min(most)..].to_vec();
        found
    }

    /// What is wrong where time ends this; nothing where no page has come.
    pub(super) fn cut_off(self) -> Option<Failure> {
        let searched = self.searched;
        let why = || format!("its page does not contain the expected text within the timeout: {searched} bytes came");
        (searched > 0).then(|| Failure::Wrong(why()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_wherever_the_page_is_divided() {
        let page = b"<p>the service is aawell and aware</p>";
        for size in 1..=page.len() {
            for (wanted, there) in [("well", true), ("aware", true), ("a", true), ("aawell a", true), ("ill", false)] {
                let mut search = Search::new(wanted);
                let found = page.chunks(size).any(|part| search.finds(part));
                assert_eq!(found, there, "{wanted} in parts of {size}");
            }
        }
    }

    #[test]
    fn no_more_is_kept_than_the_text_is_long() {
        let mut search = Search::new("needle");
        assert!(!search.finds(&vec![b'x'; 1 << 16]) && !search.finds(b"need"));
        assert_eq!(search.tail, b"xneed");
        assert!(!search.finds(b"") && search.finds(b"le"));
    }

    #[test]
    fn what_was_cut_off_says_how_far_it_came() {
        assert_eq!(Search::new("x").cut_off(), None, "no page has come");
        let mut search = Search::new("x");
        search.finds(b"abc");
        let Some(Failure::Wrong(why)) = search.cut_off() else { panic!("nothing is wrong") };
        assert!(why.ends_with("3 bytes came"), "{why}");
    }
}
