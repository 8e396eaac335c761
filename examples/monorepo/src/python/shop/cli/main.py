"""The command line: ``python -m shop.cli.main apple bread``."""

import click
from shop.catalog.stock import price
from shop_money import written


@click.command()
@click.argument("names", nargs=-1, required=True)
def main(names: tuple[str, ...]) -> None:
    """Print what all NAMES cost."""
    try:
        click.echo(written(sum(price(name) for name in names)))
    except LookupError as e:
        raise click.ClickException(str(e)) from None


if __name__ == "__main__":
    main()
