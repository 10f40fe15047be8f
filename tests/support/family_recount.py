"""Patent families counted from a release's own files: union-find over abstracts, applications and patents."""

import pandas as pd


def read_raw(path):
    """A zipped table as text, read by pandas alone."""
    return pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)


def recount_families(release):
    """The families of a simulated release: frozensets of patent ids, those of a single patent left out.

    Two patents belong together when they share an abstract (case and white space aside), when one names the
    other as its parent patent, or when both name the same parent application. Chains count in full.
    """
    parent = {}
    for patent, node in [*_abstract_links(release), *_parent_links(release)]:
        parent[_root(parent, ("patent", patent))] = _root(parent, node)
    families = {}
    for node in list(parent):
        if node[0] == "patent":
            families.setdefault(_root(parent, node), set()).add(node[1])
    return {frozenset(members) for members in families.values() if len(members) > 1}


def _root(parent, node):
    while parent.setdefault(node, node) != node:
        node = parent[node]
    return node


def _abstract_links(release):
    abstracts = read_raw(release / "g_patent_abstract.tsv.zip")
    for patent, text in zip(abstracts.patent_id, abstracts.patent_abstract, strict=True):
        if folded := "".join(text.lower().split()):
            yield patent, ("abstract", folded)


def _parent_links(release):
    documents = read_raw(release / "g_us_rel_doc.tsv.zip")
    node_kind = {"parent document": "application", "parent grant document": "patent"}
    for row in documents.itertuples():
        if row.related_doc_kind in node_kind:
            yield row.patent_id, (node_kind[row.related_doc_kind], row.related_doc_number)
