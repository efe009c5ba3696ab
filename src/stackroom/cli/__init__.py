"""The command line: one file for each command, put together here.

A command imports what it needs when it runs, so that the light installation has all that talk to a server, and
says what to install for the others.
"""

import io
import os
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import typer

from stackroom import __version__
from stackroom.cli import (
    annotations,
    batches,
    bench,
    classes,
    comments,
    cp,
    dataset,
    demo,
    doctor,
    download,
    duplicates,
    embeddings,
    events,
    export,
    folder,
    get,
    import_coco,
    ingest,
    insights,
    join,
    key,
    ls,
    media,
    migrate,
    mv,
    ops,
    org,
    restore,
    review,
    rm,
    search,
    serve,
    split,
    undo,
    upload,
    webhook,
    worker,
)
from stackroom.cli import set as set_fields
from stackroom.cli.exits import ExitCode, Failure, describe, report
from stackroom.cli.groups import spread

_SERVER = "Run a server"
_WORK = "Work with a library"
_TRY = "Try it"

application = typer.Typer(
    name="stackroom",
    help="A self-hosted media library built for bulk work.",
    epilog="""Every command has --help with an example. Start with: stackroom serve

Exit codes: 0 ok, 1 some items failed, 2 usage or key, 3 forbidden, 4 not found, 5 conflict, 6 invalid,
8 rate limited, 9 server or network, 130 interrupted.""",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _add(
    to: typer.Typer, name: str, command: Callable[..., None], example: str, panel: str | None = None
) -> None:
    lines = "\n\n".join(line for line in example.splitlines() if line)
    to.command(name, epilog=f"Example:\n\n{lines}", rich_help_panel=panel)(spread(command))


def _group(name: str, text: str, panel: str) -> typer.Typer:
    group = typer.Typer(name=name, help=text, no_args_is_help=True)
    application.add_typer(group, rich_help_panel=panel)
    return group


_add(application, "serve", serve.serve, serve.EXAMPLE, _SERVER)
_add(application, "worker", worker.worker, worker.EXAMPLE, _SERVER)
_add(application, "doctor", doctor.doctor, doctor.EXAMPLE, _SERVER)
_add(application, "migrate", migrate.migrate, migrate.EXAMPLE, _SERVER)

_organizations = _group("org", "Organizations and their people.", _SERVER)
_add(_organizations, "create", org.create, org.EXAMPLES["create"])
_add(_organizations, "standing", org.standing, org.EXAMPLES["standing"])
_add(_organizations, "list", org.list_all, org.EXAMPLES["list"])
_add(_organizations, "show", org.show, org.EXAMPLES["show"])
_add(_organizations, "update", org.update, org.EXAMPLES["update"])
_add(_organizations, "members", org.members, org.EXAMPLES["members"])
_add(_organizations, "set-role", org.set_role, org.EXAMPLES["set-role"])
_add(_organizations, "remove-member", org.remove_member, org.EXAMPLES["remove-member"])
_add(_organizations, "invite", org.invite, org.EXAMPLES["invite"])
_add(_organizations, "invites", org.invites, org.EXAMPLES["invites"])
_add(_organizations, "revoke-invite", org.revoke_invite, org.EXAMPLES["revoke-invite"])

_embeddings = _group("embeddings", "The vectors that search by meaning compares.", _SERVER)
_add(_embeddings, "status", embeddings.status, embeddings.EXAMPLES["status"])
_add(_embeddings, "rebuild", embeddings.rebuild, embeddings.EXAMPLES["rebuild"])
_add(_embeddings, "cancel", embeddings.cancel, embeddings.EXAMPLES["cancel"])

_keys = _group("key", "Make, list, limit and revoke API keys.", _SERVER)
_add(_keys, "create", key.create, key.EXAMPLES["create"])
_add(_keys, "list", key.list_all, key.EXAMPLES["list"])
_add(_keys, "update", key.update, key.EXAMPLES["update"])
_add(_keys, "revoke", key.revoke, key.EXAMPLES["revoke"])
_add(_keys, "delete", key.delete, key.EXAMPLES["delete"])

_webhooks = _group("webhook", "Webhooks: where an organization's events are sent.", _SERVER)
_add(_webhooks, "create", webhook.create, webhook.EXAMPLES["create"])
_add(_webhooks, "list", webhook.list_all, webhook.EXAMPLES["list"])
_add(_webhooks, "update", webhook.update, webhook.EXAMPLES["update"])
_add(_webhooks, "delete", webhook.delete, webhook.EXAMPLES["delete"])
_add(_webhooks, "rotate-secret", webhook.rotate_secret, webhook.EXAMPLES["rotate-secret"])
_add(_webhooks, "events", webhook.events, webhook.EXAMPLES["events"])
_add(_webhooks, "test", webhook.try_out, webhook.EXAMPLES["test"])
_add(_webhooks, "deliveries", webhook.deliveries, webhook.EXAMPLES["deliveries"])
_add(_webhooks, "replay", webhook.replay, webhook.EXAMPLES["replay"])

_events = _group("events", "The audit log: what happened and who asked for it, past or live.", _SERVER)
_add(_events, "list", events.list_all, events.EXAMPLES["list"])
_add(_events, "export", events.export, events.EXAMPLES["export"])
_add(_events, "tail", events.tail, events.EXAMPLES["tail"])

_add(application, "join", join.join, join.EXAMPLE, _WORK)

_add(application, "upload", upload.upload, upload.EXAMPLE, _WORK)
_add(application, "ingest", ingest.ingest, ingest.EXAMPLE, _WORK)
_add(application, "export", export.export, export.EXAMPLE, _WORK)
_add(application, "import-coco", import_coco.import_coco, import_coco.EXAMPLE, _WORK)
_add(application, "ls", ls.list_all, ls.EXAMPLE, _WORK)
_add(application, "mv", mv.move, mv.EXAMPLE, _WORK)
_add(application, "cp", cp.copy, cp.EXAMPLE, _WORK)
_add(application, "set", set_fields.update, set_fields.EXAMPLE, _WORK)
_add(application, "rm", rm.remove, rm.EXAMPLE, _WORK)
_add(application, "restore", restore.restore, restore.EXAMPLE, _WORK)
_add(application, "undo", undo.undo, undo.EXAMPLE, _WORK)

_add(application, "get", get.get, get.EXAMPLE, _WORK)
_add(application, "review", review.review, review.EXAMPLE, _WORK)
_add(application, "split", split.split, split.EXAMPLE, _WORK)

_datasets = _group("dataset", "Datasets: make, look into, download, archive and delete them.", _WORK)
_add(_datasets, "list", dataset.list_all, dataset.EXAMPLES["list"])
_add(_datasets, "show", dataset.show, dataset.EXAMPLES["show"])
_add(_datasets, "create", dataset.create, dataset.EXAMPLES["create"])
_add(_datasets, "update", dataset.update, dataset.EXAMPLES["update"])
_add(_datasets, "archive", dataset.archive, dataset.EXAMPLES["archive"])
_add(_datasets, "restore", dataset.restore, dataset.EXAMPLES["restore"])
_add(_datasets, "delete", dataset.delete, dataset.EXAMPLES["delete"])
_add(_datasets, "insights", insights.insights, insights.EXAMPLE)
_add(_datasets, "duplicates", duplicates.duplicates, duplicates.EXAMPLE)
_add(_datasets, "download", download.download, download.EXAMPLE)

_folders = _group("folder", "The folders of a dataset.", _WORK)
_add(_folders, "list", folder.list_all, folder.EXAMPLES["list"])
_add(_folders, "tree", folder.tree, folder.EXAMPLES["tree"])
_add(_folders, "stats", folder.stats, folder.EXAMPLES["stats"])
_add(_folders, "create", folder.create, folder.EXAMPLES["create"])
_add(_folders, "rename", folder.rename, folder.EXAMPLES["rename"])
_add(_folders, "delete", folder.delete, folder.EXAMPLES["delete"])

_annotations = _group("annotations", "The annotations of images, read and written as JSON.", _WORK)
_add(_annotations, "get", annotations.get, annotations.EXAMPLES["get"])
_add(_annotations, "save", annotations.save, annotations.EXAMPLES["save"])
_add(_annotations, "delete", annotations.delete, annotations.EXAMPLES["delete"])
_add(_annotations, "bulk-save", annotations.bulk_save, annotations.EXAMPLES["bulk-save"])

_classes = _group("classes", "The annotation classes of a dataset.", _WORK)
_add(_classes, "list", classes.list_all, classes.EXAMPLES["list"])
_add(_classes, "rename", classes.rename, classes.EXAMPLES["rename"])
_add(_classes, "merge", classes.merge, classes.EXAMPLES["merge"])
_add(_classes, "delete", classes.delete, classes.EXAMPLES["delete"])

_comments = _group("comments", "Comments on annotations.", _WORK)
_add(_comments, "list", comments.list_all, comments.EXAMPLES["list"])
_add(_comments, "add", comments.add, comments.EXAMPLES["add"])
_add(_comments, "resolve", comments.resolve, comments.EXAMPLES["resolve"])
_add(_comments, "delete", comments.delete, comments.EXAMPLES["delete"])

_search = _group("search", "Images that look like one, and images by their tags.", _WORK)
_add(_search, "similar", search.similar, search.EXAMPLES["similar"])
_add(_search, "tags", search.tags, search.EXAMPLES["tags"])

_media = _group("media", "Images, videos, sounds and documents, by their ids.", _WORK)
_add(_media, "upload", media.upload, media.EXAMPLES["upload"])
_add(_media, "ls", media.list_all, media.EXAMPLES["ls"])
_add(_media, "get", media.get, media.EXAMPLES["get"])
_add(_media, "cp", media.copy, media.EXAMPLES["cp"])
_add(_media, "rm", media.remove, media.EXAMPLES["rm"])

_batches = _group("batches", "Batches that the server takes in: how far each is, and what failed.", _WORK)
_add(_batches, "list", batches.list_all, batches.EXAMPLES["list"])
_add(_batches, "show", batches.show_one, batches.EXAMPLES["show"])
_add(_batches, "items", batches.items, batches.EXAMPLES["items"])
_add(_batches, "watch", batches.watch_one, batches.EXAMPLES["watch"])
_add(_batches, "retry", batches.retry, batches.EXAMPLES["retry"])
_add(_batches, "cancel", batches.cancel, batches.EXAMPLES["cancel"])

_operations = _group(
    "ops", "Operations: see what became of each item; pause, resume or cancel those that run.", _WORK
)
_add(_operations, "list", ops.list_all, ops.EXAMPLES["list"])
_add(_operations, "show", ops.show_one, ops.EXAMPLES["show"])
_add(_operations, "items", ops.items, ops.EXAMPLES["items"])
_add(_operations, "report", ops.report, ops.EXAMPLES["report"])
_add(_operations, "watch", ops.watch_one, ops.EXAMPLES["watch"])
_add(_operations, "pause", ops.pause, ops.EXAMPLES["pause"])
_add(_operations, "resume", ops.resume, ops.EXAMPLES["resume"])
_add(_operations, "cancel", ops.cancel, ops.EXAMPLES["cancel"])

_add(application, "demo", demo.demo, demo.EXAMPLE, _TRY)
_add(application, "bench", bench.bench, bench.EXAMPLE, _TRY)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"stackroom {__version__}")
        raise typer.Exit


@application.callback()
def _root(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command that the arguments of this process name, and end the process with its exit code."""
    _open_streams()
    sys.exit(run(sys.argv[1:]))


def _open_streams() -> None:
    """Make sure that whatever there is to say can be written: names are in all characters, and in bytes that are none,
    where the locale may have few. What whoever started us has closed gives and takes nothing."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115 - as long as the process
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def run(arguments: Sequence[str]) -> int:
    """Run a command, say what went wrong if something did, and return the exit code.

    Mistakes of ours are raised.
    """
    as_json = "--json" in arguments
    try:
        result = whole()(list(arguments), prog_name="stackroom", standalone_mode=False)
        sys.stdout.flush()  # here, where it is heard of: what fails at the end of the process is a 120
    except typer.TyperException as error:
        return _misused(error, as_json=as_json)
    except typer.Abort as error:
        return _not_confirmed(error.__context__, as_json=as_json)
    except (BrokenPipeError, SystemExit) as error:
        # Whoever read our output has seen enough, which typer and rich take for a reason to end with a 1.
        if not isinstance(error, BrokenPipeError) and not isinstance(error.__context__, BrokenPipeError):
            raise
        sys.stdout = None  # or Python would try to flush it at exit
        return ExitCode.OK
    except (Exception, KeyboardInterrupt) as error:
        failure = describe(error)
        if failure is None:
            raise
        report(failure, as_json=as_json)
        return failure.exit_code
    if result == ExitCode.INTERRUPTED:  # typer's own answer to Ctrl+C, without a word
        report(Failure(message="interrupted", exit_code=ExitCode.INTERRUPTED), as_json=as_json)
    return result if isinstance(result, int) else ExitCode.OK


@cache
def whole() -> Callable[..., Any]:
    """All commands as one. To put them together takes longer than many a command."""
    command: Callable[..., Any] = typer.main.get_command(application)
    return command


def _not_confirmed(cause: BaseException | None, *, as_json: bool) -> int:
    """A question was answered with no, with Ctrl+C, or not at all."""
    if cause is not None or not sys.stdin.isatty():  # no answer has ended the line with the question
        print(file=sys.stderr)
    interrupted = isinstance(cause, KeyboardInterrupt)
    failure = Failure(
        message=f"{'interrupted' if interrupted else 'not confirmed'}; nothing was changed",
        exit_code=ExitCode.INTERRUPTED if interrupted else ExitCode.USAGE,
    )
    report(failure, as_json=as_json)
    return failure.exit_code


def _misused(error: typer.TyperException, *, as_json: bool) -> int:
    """A wrong flag or argument. People are shown the usage, programs one line."""
    if type(error).__name__ == "NoArgsIsHelpError":  # the help has been printed
        return ExitCode.USAGE
    message = error.format_message()
    if as_json:
        report(Failure(message=message, code="usage", exit_code=ExitCode.USAGE), as_json=True)
    else:
        context = getattr(error, "ctx", None)
        fix = f"See `{context.command_path} --help`." if context is not None else None
        report(Failure(message=message, fix=fix, exit_code=ExitCode.USAGE), as_json=False)
    return ExitCode.USAGE
