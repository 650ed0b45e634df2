"""Where a key of a YAML file stands, so that a complaint can name the line."""

import re

import yaml

STEP = re.compile(r"\[(\d+|\.\.\.)\]|([^.\[\]]+)")


class YamlLines:
    """The lines of the keys of a document; of none if it is no YAML."""

    def __init__(self, text: str) -> None:
        self._text = text
        try:
            self._root: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
        except (yaml.YAMLError, RecursionError, ValueError):
            self._root = None

    def refuse_aliases(self) -> None:
        """An alias is a document that can grow beyond its text.

        Raises:
            ValueError: naming the line.
        """
        for token in yaml.scan(self._text, Loader=yaml.SafeLoader):
            if isinstance(token, yaml.AliasToken):
                line = token.start_mark.line + 1
                raise ValueError(f"line {line}: a mapping has no aliases")  # noqa: TRY004  # of the text

    def of(self, key: str) -> int | None:
        """The line, from 1, of a key such as `records[2].fields.hired_on`, or of what holds it."""
        node, line = self._root, None
        for match in STEP.finditer(key):
            index, name = match.groups()
            if isinstance(node, yaml.SequenceNode) and index and index.isdigit():
                if int(index) >= len(node.value):
                    break
                node = node.value[int(index)]
                line = node.start_mark.line + 1
            elif isinstance(node, yaml.MappingNode) and name:
                pairs = [pair for pair in node.value if pair[0].value == name]
                if not pairs:
                    break
                line = pairs[0][0].start_mark.line + 1
                node = pairs[0][1]
            else:
                break
        return line
