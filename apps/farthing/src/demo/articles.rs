//! The magazine's articles: read once from `demo/articles.txt`.

/// An article of the magazine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Article {
    pub title: String,
    pub author: String,
    pub paragraphs: Vec<String>,
}

/// Every article, in the order of their numbers, from 1.
pub(super) fn articles() -> Vec<Article> {
    let source = include_str!("../../demo/articles.txt");
    source.split("# ").filter(|text| !text.trim().is_empty()).map(read).collect()
}

fn read(text: &str) -> Article {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let title = lines.next().unwrap_or_default().to_owned();
    let author = lines.next().unwrap_or_default().to_owned();
    Article { title, author, paragraphs: lines.map(str::to_owned).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_article_is_whole() {
        let articles = articles();
        assert_eq!(articles.len(), 4);
        for article in articles {
            assert!(article.author.starts_with("By "), "{}", article.title);
            assert!(article.paragraphs.len() >= 3, "{}", article.title);
        }
    }
}
