"""A server that does everything wrong, archives that hold harm, and a process that dies on the way: one line, nothing
half there, and the same command finishes once the server is sane.
"""

from __future__ import annotations

import gzip
import hashlib
import http.server
import io
import signal
import stat
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import tensorflow_datasets as tfds

from seqtasks.cli import main
from seqtasks.data import download as downloading
from seqtasks.data.datasets import uci_promoters
from seqtasks.errors import IntegrityError
from tests.faults.conftest import survived


def zipped(members: dict[str, str]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


SILENCE = 2  # seconds until a server is given up here
ROWS = "+,S10,\t\ttacta\n-,X,\tggtc\n"
GOOD = zipped({"promoters.data": ROWS})
SHA256 = hashlib.sha256(GOOD).hexdigest()
GIVEN = {  # instead of it
    "it gives a page": b"<html>moved</html>",
    "it gives half an archive": GOOD[: len(GOOD) // 2],
    "it gives another archive": zipped({"readme": "nothing"}),
    "it gives a bomb": zipped({"promoters.data": ROWS, "more": "a" * 50_000_000}),
    "it gives a member above": zipped({"../promoters.data": ROWS, "promoters.data": ROWS}),
}
WRONG = {  # what the server does -> exit code, words of the line
    "it is not there": (5, "HTTP code: 404"),
    "it fails": (5, "Max retries exceeded"),
    "it hangs up in the middle": (5, "IncompleteRead"),
    "it falls silent": (5, "Read timed out"),
    "it is silent from the start": (5, "no connection to 127.0.0.1"),
    "it leads in a circle": (5, "redirects in a circle"),
    "it gives a page": (4, "does not hold the lines of promoters.data"),
    "it gives half an archive": (4, "does not hold the lines of promoters.data"),
    "it gives another archive": (4, "does not hold the lines of promoters.data"),
    "it gives another file than was recorded": (
        4,
        f"has the wrong checksum: sha256 {SHA256}, expected {'0' * 64}; download it again",
    ),
    "it gives a bomb": (4, "unpacks to over 200 times its size"),
    "it gives a member above": (4, "'../promoters.data', which would leave its folder"),
    "it says fewer bytes than it has": (4, "does not hold the lines of promoters.data"),
    "it says that it packs what it gives": (5, "content-encoding: gzip"),
}


class Server(http.server.ThreadingHTTPServer):
    """Does one thing wrong until its `way` is set to something else."""

    def __init__(self, way: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.given = 0  # times that the file was asked for
        self.way, self.address, self.asked = way, f"http://127.0.0.1:{self.server_port}/set.zip", threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *arguments: object) -> None:
        """Nothing."""

    def do_HEAD(self) -> None:
        self.do_GET(body=False)

    def do_GET(self, *, body: bool = True) -> None:
        way, code = self.server.way, 200
        content = GIVEN.get(way, GOOD)
        if way == "it is silent from the start":
            time.sleep(2 * SILENCE)
        if way == "it is not there":
            code = 404
        elif way == "it fails":
            code = 500
        elif way in ("it leads in a circle", "it leads elsewhere"):
            elsewhere = way == "it leads in a circle" or self.path == "/set.zip"
            code = 302 if elsewhere else 200
        self.send_response(code)
        if code == 302:
            self.send_header("Location", "/set.zip" if way == "it leads in a circle" else "/there.zip")
        if way == "it packs what it gives":
            content = gzip.compress(content)
        if way in ("it packs what it gives", "it says that it packs what it gives"):
            self.send_header("Content-Encoding", "gzip")
        size = len(content) // 2 if way == "it says fewer bytes than it has" else len(content)
        self.send_header("Content-Length", str(size))
        self.end_headers()
        if not body:
            return
        self.server.given += 1
        cut = way in ("it hangs up in the middle", "it falls silent")
        self.wfile.write(content[: len(content) // 2] if cut else content)
        self.wfile.flush()
        self.server.asked.set()
        if way == "it falls silent":
            time.sleep(2 * SILENCE)


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Server]]:
    """A server that does something wrong, from which the data set is fetched."""
    servers: list[Server] = []

    def start(way: str) -> Server:
        servers.append(Server(way))
        monkeypatch.setattr(uci_promoters, "ADDRESS", servers[-1].address)
        monkeypatch.setattr(downloading, "TIMEOUT", SILENCE)
        return servers[-1]

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def download(folder: Path) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["download", "dna", "--dataset", "uci_promoters", "--data-dir", str(folder)])
    return int(ended.value.code or 0)


def litter(folder: Path) -> list[str]:
    """What should not be left, once all went well."""
    return [path.name for path in folder.rglob("*") if ".tmp." in path.name or "incomplete" in path.name]


@pytest.mark.parametrize("way", WRONG)
def test_a_download_that_went_wrong_is_one_line(
    way: str, served: Callable[[str], Server], tmp_path: Path, capfd, monkeypatch: pytest.MonkeyPatch
):
    server = served(way)
    if "recorded" in way:
        known = tfds.core.download.checksums.UrlInfo(size=len(GOOD), checksum="0" * 64, filename="set.zip")
        monkeypatch.setattr(uci_promoters.UciPromoters, "url_infos", {server.address: known})
    code, said = WRONG[way]
    got = download(tmp_path)
    errors = capfd.readouterr().err
    last = errors.splitlines()[-1]
    fine = got == code and said in last and last.startswith("seqtasks: error: ") and "Traceback" not in errors
    fine &= not list(tmp_path.rglob("dataset_info.json"))
    server.way = "it is sane"
    if "recorded" in way:
        served("it is sane")  # at another address, of which nothing is recorded
    fine &= download(tmp_path) == 0 and not litter(tmp_path)
    assert survived("downloads that went wrong, then the same command", way, fine), errors[-800:]


@pytest.mark.parametrize("way", ["it leads elsewhere", "it packs what it gives"])
def test_what_a_server_may_do(way: str, served: Callable[[str], Server], tmp_path: Path):
    served(way)
    assert download(tmp_path) == 0


def test_without_a_server_it_says_so_at_once(served: Callable[[str], Server], tmp_path: Path, capfd):
    server = served("it is sane")
    server.shutdown()
    server.server_close()
    fine = download(tmp_path) == 5 and "no connection to 127.0.0.1" in capfd.readouterr().err.splitlines()[-1]
    assert survived("downloads that went wrong, then the same command", "nobody listens", fine)


CHILD = """
import os, resource, signal, sys
from seqtasks.data.datasets import uci_promoters
from seqtasks.cli import main
uci_promoters.ADDRESS, fault = sys.argv[1], sys.argv[3]
if fault == "killed":
    uci_promoters.records = lambda *arguments: os.kill(os.getpid(), signal.SIGKILL)
if fault == "full":
    resource.setrlimit(resource.RLIMIT_FSIZE, (140, 140))  # less than the archive, more than a lock's record
main(["download", "dna", "--dataset", "uci_promoters", "--data-dir", sys.argv[2]])
"""


def test_killed_in_the_middle_the_same_command_finishes(served: Callable[[str], Server], tmp_path: Path):
    server = served("it falls silent")
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, server.address, str(tmp_path), ""],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert server.asked.wait(60)
    time.sleep(0.2)
    child.send_signal(signal.SIGKILL)
    child.communicate()
    left = litter(tmp_path)
    server.way = "it is sane"
    time.sleep(3 * SILENCE)  # longer than a server may be silent here, so that nobody can be at work on it
    fine = bool(left) and download(tmp_path) == 0 and not litter(tmp_path)
    assert survived("downloads killed in the middle, then the same command", "half a file", fine), left


@pytest.mark.parametrize(("fault", "code", "said"), [("killed", -signal.SIGKILL, ""), ("full", 5, "File too large in")])
def test_what_fails_while_it_is_prepared_is_made_by_the_same_command(
    fault: str, code: int, said: str, served: Callable[[str], Server], tmp_path: Path
):
    server = served("it is sane")
    command = [sys.executable, "-c", CHILD, server.address, str(tmp_path), fault]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    fine = done.returncode == code and said in done.stderr and "Traceback" not in done.stderr
    fine &= not list(tmp_path.rglob("dataset_info.json")) and download(tmp_path) == 0 and not litter(tmp_path)
    assert survived("preparing that failed, then the same command", fault, fine), done.stderr[-800:]


@pytest.mark.parametrize("harm", ["cut", "altered", "removed", "record"])
def test_a_prepared_set_that_was_harmed_is_refused(
    harm: str, served: Callable[[str], Server], tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    served("it is sane")
    assert download(tmp_path) == 0
    (path,) = tmp_path.rglob("*.tfrecord*")
    if harm == "record":
        path = path.with_name("dataset_info.json")
    content = path.read_bytes()
    path.write_bytes(
        {
            "record": content[: len(content) // 2],
            "cut": content[:-9],
            "altered": content[:-9] + b"!" + content[-8:],
        }.get(harm, b"")
    )
    if harm == "removed":
        path.unlink()
    with pytest.raises(SystemExit) as ended:
        main(["train", "dna", "--dataset", "uci_promoters", "--dry-run", "--data-dir", str(tmp_path)])
    last = capfd.readouterr().err.splitlines()[-1]
    fine = ended.value.code == 4 and "uci_promoters" in last and "is cut off or altered" in last
    assert survived("prepared data sets that were harmed, refused", harm, fine), last


@pytest.mark.faults
def test_two_at_once_download_it_once(served: Callable[[str], Server], tmp_path: Path):
    server = served("it is sane")
    command = [sys.executable, "-c", CHILD, server.address, str(tmp_path), ""]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    printed = [each.communicate(timeout=120) for each in both]
    assert [each.returncode for each in both] == [0, 0], printed
    assert server.given == 1
    assert not litter(tmp_path)


# --- archives ---------------------------------------------------------------------------------------------------------


def zip_of(name: str, *, kind: int = 0, content: bytes = b"x") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("first.txt", b"plain")
        member = zipfile.ZipInfo(name)
        member.external_attr = kind << 16
        archive.writestr(member, content, zipfile.ZIP_DEFLATED)
    return file.getvalue()


def tar_of(name: str, *, kind: bytes = tarfile.REGTYPE, target: str = "", size: int = 0, mode: str = "w") -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:  # type: ignore[call-overload]
        archive.addfile(tarfile.TarInfo("first.txt"))
        member = tarfile.TarInfo(name)
        member.type, member.linkname, member.size = kind, target, size
        archive.addfile(member, io.BytesIO(bytes(size)))
    return file.getvalue()


ATTACKS = {
    "zip: above": (zip_of("../out"), "leave its folder"),
    "zip: far above": (zip_of("a/../../../etc/out"), "leave its folder"),
    "zip: at the root": (zip_of("/etc/out"), "leave its folder"),
    "zip: another system's above": (zip_of("a\\..\\..\\out"), "leave its folder"),
    "zip: another system's root": (zip_of("C:/out"), "leave its folder"),
    "zip: a link": (zip_of("out", kind=stat.S_IFLNK, content=b"/etc/passwd"), "a link or a device"),
    "zip: a device": (zip_of("out", kind=stat.S_IFCHR), "a link or a device"),
    "zip: 200 MB in 195 KB": (zip_of("out", content=bytes(200_000_000)), "over 200 times"),
    "zip: cut": (zip_of("out")[:-30], "no whole zip or tar"),
    "tar: above": (tar_of("../out"), "leave its folder"),
    "tar: at the root": (tar_of("/etc/out"), "leave its folder"),
    "tar: a link": (tar_of("out", kind=tarfile.SYMTYPE, target="/etc"), "a link or a device"),
    "tar: a hard link": (tar_of("out", kind=tarfile.LNKTYPE, target="/etc/passwd"), "a link or a device"),
    "tar: a pipe": (tar_of("out", kind=tarfile.FIFOTYPE), "a link or a device"),
    "tar: a device": (tar_of("out", kind=tarfile.CHRTYPE), "a link or a device"),
    "tar: 50 MB in 50 KB": (tar_of("out", size=50_000_000, mode="w:gz"), "no whole zip or tar"),
    "tar: cut": (tar_of("out", size=5_000)[:2_000], "no whole zip or tar"),
    "neither": (b"<html>moved</html>", "no whole zip or tar"),
    "nothing": (b"", "no whole zip or tar"),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_an_archive_that_holds_harm_is_refused_whole(name: str, tmp_path: Path):
    content, said = ATTACKS[name]
    (tmp_path / "archive").write_bytes(content)
    with pytest.raises(IntegrityError) as refused:
        downloading.check_archive(tmp_path / "archive")
    assert survived("attacks by archives refused", name, said in str(refused.value)), refused.value


def test_an_archive_of_more_than_any_disk_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(downloading, "MAX_CONTENT", 1 << 10)
    (tmp_path / "archive").write_bytes(tar_of("out", size=5_000))
    with pytest.raises(IntegrityError, match="unpacks to over 0 GiB"):
        downloading.check_archive(tmp_path / "archive")


def test_an_archive_of_files_is_let_through(tmp_path: Path):
    for content in (zip_of("a/b/c.txt"), tar_of("a/b/c.txt", size=1_000)):
        (tmp_path / "archive").write_bytes(content)
        downloading.check_archive(tmp_path / "archive")
