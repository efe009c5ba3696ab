"""The pool: what one file does to its process is nobody else's business."""

import asyncio
import gc
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from stackroom.errors import StackroomError, TooLarge, Unavailable, UnsupportedMedia
from stackroom.media import studio as studio_module
from stackroom.media.formats import Format, sniff
from stackroom.media.memory import FOR_THE_REST
from stackroom.media.rendering import Box, Rendering
from stackroom.media.studio import Studio
from stackroom.testing.pictures import picture

MEMORY = 3 * 1024**3
run = asyncio.run


@asynccontextmanager
async def a_studio(*, processes: int = 1, max_pixels: int = 10**6) -> AsyncIterator[Studio]:
    studio = Studio(processes=processes, timeout=20.0, memory=MEMORY, max_pixels=max_pixels)
    async with studio:
        yield studio
    assert children() == []


def children() -> list[str]:
    """The processes of studios. What else this process has begun, such as other tests' servers, is left out."""
    return [pid for pid in all_children() if pid not in BEFORE and is_of_a_studio(pid)]


def all_children() -> list[str]:
    found = []
    for task in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError):  # a thread that has just ended
            found += (task / "children").read_text().split()
    return found


BEFORE: set[str] = set()
"""What this process had begun before the test, and may have ended without being waited for."""


@pytest.fixture(autouse=True)
def _what_was_there_before() -> None:
    BEFORE.clear()
    BEFORE.update(all_children())


def is_of_a_studio(pid: str) -> bool:
    with suppress(FileNotFoundError):
        said = Path(f"/proc/{pid}/cmdline").read_bytes()
        return not said or b"stackroom.media.worker" in said  # what has ended and is waited for says nothing
    return False


def gone_within(seconds: float, pids: list[int]) -> bool:
    for _ in range(int(seconds * 50)):
        if not any(Path(f"/proc/{pid}").exists() for pid in pids):
            return True
        time.sleep(0.02)
    return False


@pytest.fixture
def arrival(tmp_path: Path) -> Path:
    path = tmp_path / "arrival"
    path.write_bytes(picture("png", 300, 200))
    return path


def test_images_are_examined_in_another_process(arrival: Path, tmp_path: Path) -> None:
    async def body() -> None:
        async with a_studio() as studio:
            found = await studio.examine(arrival, tmp_path, thumbnail_sizes=(100, 200))
            assert found.probe.format is Format.PNG
            assert [small.width for small in found.thumbnails] == [100, 200]
            small = await studio.thumbnail(arrival, tmp_path, 400)
            assert (small.width, small.path.exists()) == (300, True)
            assert await studio._run(os.getpid) != os.getpid()

    run(body())


def test_pieces_are_rendered_in_another_process_from_files_and_from_pyramids(
    arrival: Path, tmp_path: Path
) -> None:
    wanted, out = Rendering(region=Box(0, 0, 300, 100), width=30, height=10), tmp_path / "out"

    async def body() -> None:
        async with a_studio() as studio:
            assert sniff(await studio.render(arrival, wanted)) == "image/jpeg"
            assert await studio.pyramid(arrival, out)
            assert sniff(await studio.render(out, wanted)) == "image/jpeg"
            assert not await studio.pyramid(out, tmp_path / "again")
            await studio.render_to(out, wanted, tmp_path / "file")
            assert (tmp_path / "file").stat().st_size > 0
            out.unlink()
            with pytest.raises(FileNotFoundError):
                await studio.render(out, wanted)

    run(body())


def test_a_large_file_may_take_longer_and_a_small_one_that_grows_may_not(tmp_path: Path) -> None:
    path = tmp_path / "arrival"
    with path.open("wb") as file:
        file.truncate(400 * 2**20)  # a hole: it takes no room
    assert studio_module._patience_with(path) == 5
    path.write_bytes(b"bomb")
    assert studio_module._patience_with(path) == pytest.approx(1)
    assert studio_module._patience_with(tmp_path / "none") == 1


def test_a_thousand_tiles_do_not_wear_a_process_out(
    arrival: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studio_module, "_TASKS_EACH", 3)

    async def body() -> None:
        async with a_studio() as studio:
            first = await studio._run(os.getpid)
            for _ in range(20):
                await studio.render(arrival, Rendering(width=3, height=2))
            assert await studio._run(os.getpid) == first

    run(body())


def test_the_server_does_not_load_the_decoders() -> None:
    program = """
import asyncio, sys
from stackroom.media.studio import Studio
async def main():
    async with Studio(processes=1):
        pass
asyncio.run(main())
sys.exit(bool({"pyvips", "PIL", "pillow_heif"} & set(sys.modules)))
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_a_refusal_comes_home_with_all_it_has_to_say(arrival: Path, tmp_path: Path) -> None:
    async def body() -> None:
        async with a_studio(max_pixels=1000) as studio:
            with pytest.raises(TooLarge) as refused:
                await studio.examine(arrival, tmp_path)
        assert refused.value.code == "image_too_many_pixels"
        assert refused.value.hint
        assert refused.value.details == {"width": 300, "height": 200, "max_pixels": 1000}

    run(body())


def test_an_unexpected_error_tells_where_in_the_worker_it_came_from() -> None:
    async def body() -> None:
        async with a_studio() as studio:
            with pytest.raises(FileNotFoundError) as failed:
                await studio.examine(Path("/no/such/file"), Path("/no/such/folder"))
        assert "in _recognised" in "".join(failed.value.__notes__)

    run(body())


@pytest.mark.parametrize(("crash", "code"), [((os.abort,), -signal.SIGABRT), ((os._exit, 0), 0)])
def test_a_crash_is_refused_and_the_studio_goes_on(
    crash: tuple[object, ...], code: int, arrival: Path, tmp_path: Path
) -> None:
    async def body() -> None:
        async with a_studio() as studio:
            with pytest.raises(UnsupportedMedia) as refused:
                await studio._run(*crash)
            assert refused.value.code == "image_crashed_decoder"
            assert refused.value.details == {"exit_code": code}
            assert (await studio.examine(arrival, tmp_path)).probe.width == 300

    run(body())


def test_a_crash_harms_no_other_task(arrival: Path, tmp_path: Path) -> None:
    async def one(studio: Studio, number: int) -> str:
        out = tmp_path / str(number)
        out.mkdir()
        try:
            await (studio._run(os.abort) if number % 3 == 0 else studio.examine(arrival, out))
        except StackroomError as error:
            return error.code
        return "fine"

    async def body() -> None:
        async with a_studio(processes=2) as studio:
            outcomes = await asyncio.gather(*(one(studio, number) for number in range(9)))
        assert outcomes == ["image_crashed_decoder", "fine", "fine"] * 3

    run(body())


def test_a_task_that_takes_too_long_is_ended(arrival: Path, tmp_path: Path) -> None:
    async def body() -> None:
        async with a_studio() as studio:
            studio._workers[0]._timeout = 0.2  # from here on: starting, too, is a task
            with pytest.raises(UnsupportedMedia) as refused:
                await studio._run(time.sleep, 30)
            assert refused.value.code == "image_took_too_long"
            assert children() == []
        async with a_studio() as studio:
            assert (await studio.examine(arrival, tmp_path)).probe.width == 300

    run(body())


def test_workers_are_bounded_in_memory_and_the_first_to_go_when_it_is_short() -> None:
    async def body() -> None:
        async with a_studio() as studio:
            assert await studio._run(resource.getrlimit, resource.RLIMIT_AS) == (MEMORY, MEMORY)
            assert await studio._run(resource.getrlimit, resource.RLIMIT_CORE) == (0, 0)
            assert int(await studio._run(Path.read_text, Path("/proc/self/oom_score_adj"))) > 0
            with pytest.raises(MemoryError):
                await studio._run(bytes, MEMORY)
            assert await studio._run(os.getpgrp) != os.getpgrp()  # where Ctrl-C does not reach

    run(body())


def test_a_worker_killed_while_idle_is_replaced_and_no_file_is_blamed(arrival: Path, tmp_path: Path) -> None:
    async def body() -> None:
        async with a_studio() as studio:
            for _ in range(3):
                pid = await studio._run(os.getpid)
                os.kill(pid, signal.SIGKILL)
                await asyncio.sleep(0.05)
                assert (await studio.examine(arrival, tmp_path)).probe.width == 300

    run(body())


def test_no_more_tasks_run_at_once_than_there_are_processes() -> None:
    async def body() -> None:
        async with a_studio(processes=2) as studio:
            begin = time.monotonic()
            pids = await asyncio.gather(*(studio._run(os.getpid) for _ in range(50)))
            assert len(set(pids)) <= 2
            await asyncio.gather(*(studio._run(time.sleep, 0.1) for _ in range(6)))
            assert time.monotonic() - begin >= 0.3

    run(body())


def test_a_worker_is_replaced_after_many_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(studio_module, "_TASKS_EACH", 3)

    async def body() -> None:
        async with a_studio() as studio:  # which takes the first task
            pids = [await studio._run(os.getpid) for _ in range(5)]
        assert pids[0] == pids[1] != pids[2] == pids[3] == pids[4]

    run(body())


def test_a_worker_that_keeps_the_memory_of_a_picture_is_replaced_before_the_next() -> None:
    async def body() -> None:
        async with a_studio() as studio:
            first = await studio._run(os.getpid)
            await studio._run(exec, "import sys; sys.kept = bytes(100 * 2**20)")
            assert await studio._run(os.getpid) == first
            await studio._run(exec, "import sys; sys.kept = bytes(600 * 2**20)")
            assert await studio._run(os.getpid) != first

    run(body())


def test_nothing_is_left_of_a_picture_that_cannot_be_read() -> None:
    decoding = """
def decode():
    picture = bytes(600 * 2**20)
    try:
        return 1 / 0
    except ZeroDivisionError as error:
        held_by_itself = error
        raise ValueError("damaged") from error
decode()
"""

    async def body() -> None:
        async with a_studio() as studio:
            first = await studio._run(os.getpid)
            for _ in range(6):  # together more than there is
                with pytest.raises(ValueError, match="damaged"):
                    await studio._run(exec, decoding)
            assert await studio._run(os.getpid) == first

    run(body())


def test_what_a_used_process_lacks_the_memory_for_is_done_by_a_new_one(tmp_path: Path) -> None:
    path = tmp_path / "arrival"
    path.write_bytes(picture("webp", 300, 200))
    little = FOR_THE_REST + 300 * 200 * 13
    using = f"import resource; resource.setrlimit(resource.RLIMIT_AS, ({little}, {little}))"

    async def body() -> None:
        async with a_studio() as studio:
            await studio._run(exec, using)
            assert (await studio.examine(path, tmp_path)).probe.width == 300

    run(body())


def test_what_a_new_process_lacks_the_memory_for_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "arrival"
    path.write_bytes(picture("webp", 300, 200))

    async def body() -> None:
        async with Studio(processes=1, memory=FOR_THE_REST + 300 * 200 * 13) as studio:
            with pytest.raises(TooLarge) as refused:
                await studio.examine(path, tmp_path)
        assert refused.value.code == "image_needs_too_much_memory"

    run(body())


def test_a_cancelled_task_has_let_go_of_its_files_when_it_ends(tmp_path: Path) -> None:
    async def body() -> None:
        async with a_studio() as studio:
            pid = await studio._run(os.getpid)
            task = asyncio.create_task(studio._run(time.sleep, 30))
            await asyncio.sleep(0.05)
            begin = time.monotonic()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert time.monotonic() - begin < 5
            assert gone_within(0.02, [pid])
            assert await studio._run(os.getpid) != pid

    run(body())


def test_a_start_that_is_called_off_leaves_nothing_to_complain_of() -> None:
    """Each would be a traceback in the log of whoever stops a server that has just been started."""
    forgotten: list[object] = []

    async def body() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: forgotten.append(context))
        studio = Studio(processes=1, memory=MEMORY)
        start = asyncio.create_task(studio.start())
        await asyncio.sleep(0.05)
        start.cancel()
        await asyncio.gather(start, return_exceptions=True)
        await studio.close()

    run(body())
    gc.collect()
    assert forgotten == []


def test_a_task_cancelled_while_it_waits_costs_no_process() -> None:
    async def body() -> None:
        async with a_studio() as studio:
            pid = await studio._run(os.getpid)
            running = asyncio.create_task(studio._run(time.sleep, 0.3))
            await asyncio.sleep(0.05)
            waiting = [asyncio.create_task(studio._run(time.sleep, 30)) for _ in range(5)]
            await asyncio.sleep(0.05)
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
            await running
            assert await studio._run(os.getpid) == pid

    run(body())


def test_tasks_cancelled_at_any_moment_leave_the_studio_whole(arrival: Path, tmp_path: Path) -> None:
    async def body() -> None:
        async with a_studio(processes=2) as studio:
            for number in range(30):
                task = asyncio.create_task(studio.examine(arrival, tmp_path))
                await asyncio.sleep(number * 0.0005)
                task.cancel()
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            found = await asyncio.gather(*(studio.examine(arrival, tmp_path) for _ in range(4)))
            assert {each.probe.width for each in found} == {300}

    run(body())


def test_closing_ends_running_and_waiting_tasks_and_all_processes() -> None:
    async def body() -> None:
        async with a_studio(processes=2) as studio:
            tasks = [asyncio.create_task(studio._run(time.sleep, 30)) for _ in range(6)]
            await asyncio.sleep(0.05)
            await studio.close()
            assert children() == []
            ends = await asyncio.gather(*tasks, return_exceptions=True)
            assert [type(end) for end in ends] == [Unavailable] * 6
            assert {end.code for end in ends} == {"studio_closed"}
            await studio.close()
            with pytest.raises(Unavailable):
                await studio._run(os.getpid)

    run(body())


def test_closing_while_processes_are_starting_leaves_none() -> None:
    async def body() -> None:
        for delay in (0, 0.01, 0.05):
            studio = Studio(processes=2, memory=MEMORY)
            starting = asyncio.create_task(studio.start())
            await asyncio.sleep(delay)
            await studio.close()
            with pytest.raises(Unavailable):
                await starting
            assert children() == []

    run(body())


def test_processes_that_cannot_start_are_not_blamed_on_a_file(capfd: pytest.CaptureFixture[str]) -> None:
    async def body() -> None:
        with pytest.raises(Unavailable) as refused:
            async with Studio(processes=1, memory=16 * 1024**2):
                pass
        assert refused.value.code == "studio_unavailable"
        assert children() == []

    run(body())
    capfd.readouterr()


@pytest.mark.parametrize("end", ["await asyncio.sleep(60)", "return"])
def test_no_process_outlives_the_server_however_it_ends(end: str) -> None:
    program = f"""
import asyncio, os, time
from stackroom.media.studio import Studio
async def main():
    studio = Studio(processes=2)
    await studio.start()
    print(*await asyncio.gather(*(studio._run(os.getpid) for _ in range(2))), flush=True)
    tasks = [asyncio.create_task(studio._run(time.sleep, 60)) for _ in range(1)]
    await asyncio.sleep(0.1)
    {end}
asyncio.run(main())
"""
    server = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert server.stdout is not None
    pids = [int(pid) for pid in server.stdout.readline().split()]
    assert len(pids) == 2
    if end != "return":
        time.sleep(0.2)
        assert all(Path(f"/proc/{pid}").exists() for pid in pids)
        server.kill()
    server.communicate(timeout=20)
    assert gone_within(5, pids)
