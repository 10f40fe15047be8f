"""A warehouse in a bucket (`warehouse.root: s3://bucket/prefix`), behind the interfaces of core/storage.py.

    <prefix>/<stage>/CURRENT, CANDIDATE             pointers, replaced only if nobody else has since
    <prefix>/RELEASE.json, refresh/*                the same
    <prefix>/<stage>/<version>/<NAME>/*             written once, under a key that no other version has
    <prefix>/<stage>/<version>/manifest.json        names, sizes and digests of them, written last
    <prefix>/<stage>/<version>/.writer              a lease: somebody is at work on this version
    <prefix>/<stage>/<version>/.unused              since when no pointer names this version

Files are read by the manifest's list and never by a listing, so what a killed writer left is no part of a
table.
"""
