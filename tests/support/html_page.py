"""A page of HTML as a reader's browser takes it apart."""

from html.parser import HTMLParser


class Page(HTMLParser):
    """Text, tables (rows of cell texts), ids, picture sources, links, and those of them that would fetch
    something."""

    def __init__(self, html):
        super().__init__()
        self.text, self.tables, self.ids, self.pictures, self.links = "", [], set(), [], []
        self._cell = None
        self.feed(html)

    @property
    def fetched(self):
        return [link for link in self.links if not link.startswith(("data:", "#"))]

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.ids.add(given.get("id"))
        if tag == "img":
            self.pictures.append(given["src"])
        self.links += [given[name] for name in ("href", "src") if name in given]
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self._cell = ""

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.tables[-1][-1].append(" ".join(self._cell.split()))
            self._cell = None

    def handle_data(self, data):
        self.text += data
        if self._cell is not None:
            self._cell += data

    def table(self, *head):
        """The first table whose head begins so."""
        return next(table for table in self.tables if table[0][: len(head)] == list(head))
