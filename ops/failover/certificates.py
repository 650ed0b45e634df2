"""A certificate authority and a certificate for each node, by the openssl command."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

DAYS = "30"
KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


def make_certificates(folder: Path, nodes: Mapping[str, str]) -> None:
    """Write ca.crt and server.crt/server.key for the addresses of all nodes.

    One certificate names all nodes, so that one configuration file fits each of them.
    """
    folder.mkdir()
    names = ",".join(
        [f"IP:{address}" for address in nodes.values()] + [f"DNS:{name}" for name in nodes]
    )
    (folder / "extensions").write_text(f"subjectAltName={names}\n", encoding="utf-8")
    for arguments in (
        ("req", "-x509", *KEY, "-days", DAYS, "-keyout", "ca.key", "-out", "ca.crt",
         "-subj", "/CN=meritledger-drill-ca"),
        ("req", *KEY, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=meritledger"),
        ("x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key",
         "-CAcreateserial", "-days", DAYS, "-extfile", "extensions", "-out", "server.crt"),
    ):  # fmt: skip
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)
    for key in ("ca.key", "server.key"):
        (folder / key).chmod(0o600)
