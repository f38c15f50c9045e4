"""
The command line, `python -m bot`.

What a command needs is imported by that command, so that `--help` and `manifest` answer at once.
"""

import asyncio
import io
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

import click

from bot.config import SettingsError, load_settings, strip_slack_environment
from store import Scope, Store, StoreError


class _Commands(click.Group):
    """The click group of commands; turns what the operator can put right into one sentence and exit status 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SettingsError as error:
            raise click.ClickException(str(error)) from error
        except StoreError as error:
            raise click.ClickException(error.cause) from error


_ACCOUNT = click.option(
    "--account",
    required=True,
    metavar="ID",
    help="Slack's id of the workspace or organisation, like T012AB3CD; `doctor` names it.",
)
_SHEET = click.option(
    "--sheet", metavar="NAME", help="The sheet of a workbook that is read, where several have phones."
)
_WITH_HIDDEN = click.option(
    "--with-hidden",
    is_flag=True,
    help="Take in rows and columns that are hidden in a workbook; else they are left out.",
)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Keep the list of people who must not be texted, in Slack. Settings come from the environment and `.env`."""


@main.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8399, show_default=True, help="Port of the page.")
@click.option("--db", type=click.Path(dir_okay=False, path_type=Path), help="SQLite file to keep; else none is kept.")
@click.option("--quiet", is_flag=True, help="Say only the page's address, log only warnings.")
@click.option("--no-bot", is_flag=True, help="The embedded Slack alone; prints its tokens for an app of your own.")
@click.option("--events-url", metavar="URL", help="With --no-bot: deliver there by signed HTTP, not over Socket Mode.")
@click.option("--chaos", type=int, metavar="SEED", help="Let one thing after another go wrong, as the seed decides.")
def sandbox(port: int, db: Path | None, quiet: bool, no_bot: bool, events_url: str | None, chaos: int | None) -> None:
    """Try the desk: an embedded Slack with a page, an embedded database, the real bot."""
    if events_url and not no_bot:
        raise click.UsageError("--events-url needs --no-bot: the desk itself is connected over Socket Mode.")
    if db and no_bot:
        raise click.UsageError("--db is the desk's, and --no-bot starts none.")
    from bot import demo, logs

    strip_slack_environment()
    logs.configure("WARNING" if quiet else "INFO", "text")
    if no_bot:
        asyncio.run(demo.run_slack_alone(port, events_url, chaos=chaos, quiet=quiet, say=click.echo))
    else:
        asyncio.run(demo.run_sandbox(port, db, chaos=chaos, quiet=quiet, say=click.echo))


@main.command()
def serve() -> None:
    """Run the desk: Socket Mode when SLACK_APP_TOKEN is set, else HTTP at /slack/events."""
    # Until the desk listens to signals itself. The first process of a container is ended by none that it leaves to Linux.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(0))
    from bot import logs
    from bot.serve import serve as run

    settings = load_settings()
    strip_slack_environment()
    logs.configure(settings.log_level, settings.log_format)
    asyncio.run(run(settings))


@main.command()
def migrate() -> None:
    """Bring the tables of the database to this version's, or of all databases where there are several."""
    from bot.stores import Stores

    stores = Stores.open(load_settings())
    several = len(stores.by_name) > 1
    try:
        for store in stores.by_name.values():
            before, head = store.database.revision(), store.database.head()
            store.database.migrate()
            of = f" of {store.database.dialect.where}" if several else ""
            already = "were" if before == head else "are"
            click.echo(f"The tables{of} {already} at revision {head}{' already' if before == head else ''}.")
    finally:
        stores.close()


@main.command()
@click.option("--url", metavar="URL", help="For HTTP: the address under which Slack reaches the desk.")
@click.option(
    "--no-step", is_flag=True, help="Without the step of Workflow Builder, for workspaces without a paid plan."
)
def manifest(url: str | None, *, no_step: bool) -> None:
    """Print the app's manifest to create it from at Slack: for Socket Mode, or with --url for HTTP."""
    from bot.manifest import manifest as text

    try:
        click.echo(text(url, step=not no_step), nl=False)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--url") from error


@main.command()
def doctor() -> None:
    """Say in words what is missing: tokens, scopes, database, migrations, uploads channel."""
    from bot import logs
    from bot.doctor import examine

    settings = load_settings()
    strip_slack_environment()
    logs.configure("ERROR", "text")
    findings = asyncio.run(examine(settings))
    for finding in findings:
        click.echo(f"{'ok     ' if finding.good else 'missing'}  {finding.sentence}")
    wrong = sum(not finding.good for finding in findings)
    if wrong:
        raise click.ClickException(f"{wrong} of {len(findings)} checks failed.")


_COLUMN = click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="NAME",
    help="A column with phones, when it is not called `phone`, or several are; once for each.",
)
_COUNTRY_COLUMN = click.option("--country-column", metavar="NAME", help="The column that has each row's country.")
_ONE_COUNTRY = click.option(
    "--one-country", is_flag=True, help="Numbers of all rows are of the one country, whatever a column says."
)


_ONLY = click.option(
    "--only",
    multiple=True,
    metavar="COLUMN=VALUE",
    help="Only rows that have this value there, once for each; `COLUMN=` for blank ones, `COLUMN=*` for all others.",
)
_ALL_ROWS = click.option("--all-rows", is_flag=True, help="All rows, whatever a column says of who wants no texts.")


@main.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_ACCOUNT
@click.option("--country", required=True, metavar="XX", help="Country of numbers without a country code, like US.")
@click.option("--yes", is_flag=True, help="Apply it; without, only the preview is printed.")
@click.option("--sure", type=int, metavar="N", help="The number of phones, for a list that looks like the wrong one.")
@_COLUMN
@_ONLY
@_ALL_ROWS
@_COUNTRY_COLUMN
@_ONE_COUNTRY
@_SHEET
@_WITH_HIDDEN
@click.option("--new-account", is_flag=True, help="Make the account, where this database does not know the id.")
def import_(
    file: Path,
    account: str,
    country: str,
    yes: bool,
    sure: int | None,
    columns: tuple[str, ...],
    only: tuple[str, ...],
    all_rows: bool,
    country_column: str | None,
    one_country: bool,
    sheet: str | None,
    with_hidden: bool,
    new_account: bool,
) -> None:
    """Opt out the phones of a list; what could not be read is written to NAME.unreadable.csv beside it."""
    from bot import logs, transfer
    from bot.stores import open_store
    from store import Choices

    settings = load_settings()
    logs.configure("WARNING", "text")
    choices = Choices(
        only=tuple(transfer.columns_chosen(file, columns, only).items()),
        all_rows=all_rows,
        columns=columns,
        country_column=country_column,
        one_country=one_country,
        sheet=sheet,
        hidden=with_hidden,
    )
    store = open_store(settings, slack_id=account)
    try:
        transfer.import_list(
            store,
            settings,
            file,
            account,
            country,
            apply=yes,
            say=click.echo,
            sure=sure,
            choices=choices,
            new_account=new_account,
        )
    finally:
        store.close()


@main.command()
@_ACCOUNT
@click.option(
    "--format",
    "kind",
    type=click.Choice(["desk", "thrutext", "phones"]),
    default="desk",
    show_default=True,
    help="Columns: with since when and why; ThruText's eight; nothing but phones.",
)
@click.option(
    "--since", type=click.DateTime(["%Y-%m-%d"]), help="Only opt-outs made since then (UTC), like 2026-10-01."
)
@click.option("--function", metavar="NAME", help="Only opt-outs made by this function, like upload or keyword.")
def export(account: str, kind: str, since: datetime | None, function: str | None) -> None:
    """Write the opted-out phones as CSV to standard output."""
    from bot import transfer
    from bot.stores import open_store
    from store import OPTING_OUT, ExportFilter

    if function is not None and function not in OPTING_OUT:
        raise click.BadParameter(f"there are: {', '.join(OPTING_OUT)}", param_hint="--function")

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")  # whatever the terminal's: it usually goes to a file
    store = open_store(load_settings(), slack_id=account)
    try:
        export_filter = ExportFilter(kind, since.replace(tzinfo=UTC) if since else None, function)
        transfer.export_list(store, account, sys.stdout, export_filter)
        if erased := store.erasures.count(transfer.existing_account(store, account).id):
            click.echo(
                f"{transfer.count_words(erased, 'erased number')} more must not be texted, and no file has them.",
                err=True,
            )
    finally:
        store.close()


@main.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_ACCOUNT
@click.option("--country", metavar="XX", help="Country of numbers without a country code; else the account's own.")
@_COLUMN
@_COUNTRY_COLUMN
@_ONE_COUNTRY
@click.option("--keep-unreadable", is_flag=True, help="Keep the rows whose phone cannot be read; else they go too.")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Where to write it, in place of a file that is there; else NAME.scrubbed.csv beside the list.",
)
@_SHEET
@_WITH_HIDDEN
def scrub(
    file: Path,
    account: str,
    country: str | None,
    columns: tuple[str, ...],
    country_column: str | None,
    one_country: bool,
    keep_unreadable: bool,
    output: Path | None,
    sheet: str | None,
    with_hidden: bool,
) -> None:
    """Write a list without the rows whose phone is opted out; changes neither the list nor the opt-outs."""
    from bot import logs, transfer
    from store import Choices

    settings = load_settings()
    logs.configure("WARNING", "text")
    store = transfer.open_to_read(settings, account)
    try:
        transfer.scrub_list(
            store,
            file,
            account,
            country=country,
            choices=Choices(
                columns=columns,
                country_column=country_column,
                one_country=one_country,
                sheet=sheet,
                hidden=with_hidden,
            ),
            keep_unreadable=keep_unreadable,
            output=output,
            say=click.echo,
        )
    finally:
        store.close()


@main.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False)
@_ACCOUNT
@click.option(
    "--telnyx",
    is_flag=False,
    flag_value="",
    metavar="HOOK",
    help="In place of a FILE, Telnyx's list of who opted out there, by the API key of its hook, or of the one of that name.",
)
@click.option("--country", metavar="XX", help="Country of numbers without a country code; else the account's own.")
@_COLUMN
@_ONLY
@_ALL_ROWS
@_COUNTRY_COLUMN
@_ONE_COUNTRY
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Where to write what is only here, in place of a file that is there; else NAME.missing.csv beside the list.",
)
@_SHEET
@_WITH_HIDDEN
def compare(
    file: Path | None,
    account: str,
    telnyx: str | None,
    country: str | None,
    columns: tuple[str, ...],
    only: tuple[str, ...],
    all_rows: bool,
    country_column: str | None,
    one_country: bool,
    output: Path | None,
    sheet: str | None,
    with_hidden: bool,
) -> None:
    """Hold a platform's own list of opted-out phones against the account's; changes neither."""
    from bot import logs, transfer
    from store import Choices

    if (file is None) == (telnyx is None):
        raise click.UsageError("Which list? Give a FILE, or --telnyx to have Telnyx's read.")
    settings = load_settings()
    logs.configure("WARNING", "text")
    store = transfer.open_to_read(settings, account)
    try:
        if file is None:
            transfer.compare_telnyx(store, settings, telnyx or "", account, output=output, say=click.echo)
            return
        transfer.compare_list(
            store,
            settings,
            file,
            account,
            country=country,
            choices=Choices(
                only=tuple(transfer.columns_chosen(file, columns, only).items()),
                all_rows=all_rows,
                columns=columns,
                country_column=country_column,
                one_country=one_country,
                sheet=sheet,
                hidden=with_hidden,
            ),
            output=output,
            say=click.echo,
        )
    finally:
        store.close()


_DATABASE_OF = click.option(
    "--account",
    metavar="ID",
    help="The database that OPTOUT_DATABASES gives this account; else that of DATABASE_URL.",
)
_KEY_FILE = click.option(
    "--key",
    type=click.Path(path_type=Path),
    metavar="KEYFILE",
    help="A file with the key, 16 bytes or more: whoever has it, and nobody else, reads the backup.",
)


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
@_KEY_FILE
@_DATABASE_OF
def backup(file: Path, key: Path | None, account: str | None) -> None:
    """Write a copy of the SQLite database to FILE, which must not be there yet, while the desk serves."""
    from bot import keeping

    settings = load_settings()
    store = Store.open(keeping.chosen_database(settings, account))
    try:
        keeping.back_up_to(store, file, key, say=click.echo)
        for line in keeping.not_kept(settings, account):
            click.echo(line)
    finally:
        store.close()


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
@_KEY_FILE
@click.option("--replace", is_flag=True, help="Also where there is a list already, which is kept beside it.")
@_DATABASE_OF
def restore(file: Path, key: Path | None, replace: bool, account: str | None) -> None:
    """Put FILE, which `backup` wrote, in the place of the SQLite database; every desk has to be stopped."""
    from bot import keeping

    store = Store.open(keeping.chosen_database(load_settings(), account))
    try:
        keeping.restore_from(store, file, key, replace=replace, say=click.echo)
    finally:
        store.close()


@main.command()
@_DATABASE_OF
def restored(account: str | None) -> None:
    """Say, once, that the database was put back by other means than `restore`, as by pg_restore or Litestream."""
    from bot import keeping

    store = Store.open(keeping.chosen_database(load_settings(), account))
    try:
        keeping.settle(store, say=click.echo)
    finally:
        store.close()


@main.command()
@click.option(
    "--from", "source", required=True, metavar="URL", help="The SQLite file, sqlite:///FILE; it stays as it is."
)
@click.option(
    "--to",
    "target",
    required=True,
    metavar="URL",
    help="The empty PostgreSQL database, postgresql://USER@HOST/DATABASE; the password is best in ~/.pgpass.",
)
def move(source: str, target: str) -> None:
    """Copy the whole list from a SQLite file to PostgreSQL, all or nothing; every desk has to be stopped."""
    from bot import keeping

    keeping.move_to(source, target, say=click.echo)


@main.command()
@click.argument("number")
@_ACCOUNT
@click.option("--untold", is_flag=True, help="Also where a follower of the list was not told yet that it is opted out.")
def erase(number: str, account: str, *, untold: bool) -> None:
    """Erase NUMBER, at the person's own wish: nothing of it is kept but a keyed hash, by which it stays opted out."""
    from bot import erasing, logs
    from bot.stores import open_store

    settings = load_settings()
    logs.configure("WARNING", "text")
    store = open_store(settings, slack_id=account)
    try:
        erasing.erase(store, account, number, untold=untold, say=click.echo)
        for line in erasing.left_elsewhere(settings, account):
            click.echo(line)
    finally:
        store.close()


@main.group()
def account() -> None:
    """Accounts: whose list it is in Slack."""


@account.command("move")
@click.argument("source", metavar="FROM")
@click.argument("to", metavar="TO")
@click.option("--yes", is_flag=True, help="Move it; without, only what would move is printed.")
def account_move(source: str, to: str, yes: bool) -> None:
    """Make the list of Slack's id FROM that of TO, for a workspace that becomes an organisation-wide installation."""
    from bot import transfer

    settings = load_settings()
    transfer.require_one_database(settings, source, to)
    store = transfer.open_to_read(settings, source)
    try:
        transfer.move(store, source, to, apply=yes, say=click.echo)
    finally:
        store.close()


@main.group()
def hook() -> None:
    """Hooks: addresses to which Twilio or Telnyx tells what people reply."""


_HOOK_NAME = click.option("--name", required=True, help="What it is for; whatever comes by it says so.")
_SHARED_KEY = click.option(
    "--shared-key",
    type=click.File(),
    metavar="FILE",
    help="A file with the secret of the shared key, where webhooks are signed with one (HMAC-SHA-256); `-` for standard input.",
)


@hook.command("make-twilio")
@_ACCOUNT
@_HOOK_NAME
@click.option("--account-sid", required=True, metavar="SID", help="Twilio's account SID, AC and 32 characters.")
@click.option(
    "--auth-token",
    type=click.File(),
    required=True,
    metavar="FILE",
    help="A file with the auth token of that account, or `-` for standard input; never on the command line, which others see.",
)
@_SHARED_KEY
def hook_make_twilio(account: str, name: str, account_sid: str, auth_token: TextIO, shared_key: TextIO | None) -> None:
    """Make a hook for Twilio, and print the address that it is to be told."""
    from bot import hooks
    from bot.stores import open_store

    settings = load_settings()
    store = open_store(settings, slack_id=account)
    try:
        hooks.make_twilio(store, settings, account, name, account_sid, auth_token, shared_key, say=click.echo)
    finally:
        store.close()


@hook.command("make-telnyx")
@_ACCOUNT
@_HOOK_NAME
@click.option("--public-key", required=True, metavar="KEY", help="Telnyx's public key, in base64; it is no secret.")
@click.option(
    "--api-key",
    type=click.File(),
    metavar="FILE",
    help="A file with a key of Telnyx's API, or `-` for standard input: `compare --telnyx` reads with it who opted out there.",
)
def hook_make_telnyx(account: str, name: str, public_key: str, api_key: TextIO | None) -> None:
    """Make a hook for Telnyx, and print the address that it is to be told."""
    from bot import hooks
    from bot.stores import open_store

    settings = load_settings()
    store = open_store(settings, slack_id=account)
    try:
        hooks.make_telnyx(store, settings, account, name, public_key, api_key, say=click.echo)
    finally:
        store.close()


@hook.command("list")
@_ACCOUNT
def hook_list(account: str) -> None:
    """List the hooks of an account: their ids and addresses, and until when Twilio's list of messages was read."""
    from bot import hooks, transfer

    settings = load_settings()
    store = transfer.open_to_read(settings, account)
    try:
        for line in hooks.list_hooks(store, settings, account):
            click.echo(line)
    finally:
        store.close()


@hook.command("remove")
@click.argument("hook_id", metavar="HOOK")
@_ACCOUNT
def hook_remove(hook_id: str, account: str) -> None:
    """Remove the hook of the id HOOK, which `hook list` names, with its secrets: what comes to its address is refused."""
    from bot import hooks
    from bot.stores import open_store

    store = open_store(load_settings(), slack_id=account)
    try:
        hooks.remove(store, account, hook_id, say=click.echo)
    finally:
        store.close()


@main.group()
def key() -> None:
    """Keys with which the texting platform uses the API."""


@key.command("make")
@_ACCOUNT
@click.option("--name", required=True, help="What it is for; whatever is done with it says so.")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice([scope.value for scope in Scope]),
    multiple=True,
    required=True,
    help="What it may do, once for each.",
)
@click.option("--days", type=click.IntRange(1, 36_500), help="It expires after so many days.")
@click.option(
    "--until", type=click.DateTime(["%Y-%m-%d"]), help="It expires at the end of that day (UTC), like 2027-10-01."
)
@click.option("--never", is_flag=True, help="It does not expire.")
def key_make(
    account: str, name: str, scopes: tuple[str, ...], days: int | None, until: datetime | None, *, never: bool
) -> None:
    """Make a key and print it to standard output, this once: the desk keeps its hash alone."""
    from bot import keys
    from bot.stores import open_store

    if (days is not None) + (until is not None) + never != 1:
        raise click.UsageError("When does it expire? Give one of --days, --until and --never.")
    store = open_store(load_settings(), slack_id=account)
    try:
        keys.make(store, account, name, scopes, days=days, until=until and until.date(), say=click.echo)
    finally:
        store.close()


@key.command("list")
@_ACCOUNT
def key_list(account: str) -> None:
    """List the keys of an account: their ids, what each may do, when it expires and was last used."""
    from bot import keys, transfer

    store = transfer.open_to_read(load_settings(), account)
    try:
        for line in keys.listing(store, account):
            click.echo(line)
    finally:
        store.close()


@key.command("revoke")
@click.argument("key_id", metavar="KEY")
@_ACCOUNT
def key_revoke(key_id: str, account: str) -> None:
    """Revoke the key of the id KEY, which `key list` names: whoever uses it is refused at once."""
    from bot import keys
    from bot.stores import open_store

    store = open_store(load_settings(), slack_id=account)
    try:
        keys.revoke(store, account, key_id, say=click.echo)
    finally:
        store.close()


if __name__ == "__main__":
    main(prog_name="python -m bot")
