"""Renders the goldens here with transformers' own Jinja environment: expected.json, every template on every case, and
snippets.json, every line of snippets.txt with WHITESPACE's product.

Run with jinja2 3.1 and transformers 5: python render.py. What Python refuses has {"error": ...}. The date and every other
variable come from the files, so the result does not depend on the day.
"""
import itertools
import json
import pathlib

from transformers.utils.chat_template_utils import _cached_compile_jinja_template as compile_template

HERE = pathlib.Path(__file__).parent
TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}
VARIABLES = {
    "s": "hello",
    "l": ["a", {"x": 1}, 3],
    "d": {"a": 1, "b": {"c": "deep"}, "list": [1, "two"]},
    "ms": [
        {"role": "system", "content": "S"},
        {"role": "user", "content": "U", "name": "ann"},
        {"role": "assistant", "content": "A"},
    ],
}
# Every way to end the text before a tag, the tag with every sign, and every way to begin the text after it.
BEFORE = ["", "a", " ", "\n", "a \n  ", "a\n\t", "\r\n "]
TAGS = ["{%S if 1 E%}", "{{S 1 E}}", "{#S c E#}"]
AFTER = ["", "b", " b", "\nb", " \n b", "\n\nb"]


def render(source, variables):
    try:
        return {"text": compile_template(source).render(**variables)}
    except Exception as error:  # whatever Python refuses, the Java side must refuse as well
        return {"error": f"{type(error).__name__}: {error}"}


def write(name, content):
    (HERE / name).write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def whitespace():
    for before, tag, start, end, after in itertools.product(BEFORE, TAGS, ["", "-", "+"], ["", "-", "+"], AFTER):
        if end == "+" and tag.startswith("{{"):
            continue  # a syntax error: a print tag has no closing plus
        source = before + tag.replace("S", start).replace("E", end) + after
        yield source + ("{% endif %}" if "if" in tag else "")


cases = json.loads((HERE / "cases.json").read_text(encoding="utf-8"))
expected = {}
for path in sorted(HERE.glob("*.jinja")):
    source = path.read_text(encoding="utf-8")
    expected[path.stem] = {}
    for case in cases:
        variables = {"tools": None, "documents": None} | {key: value for key, value in case.items() if key != "name"}
        expected[path.stem][case["name"]] = render(source, variables | TOKENS)
write("expected.json", expected)

lines = (HERE / "snippets.txt").read_text(encoding="utf-8").splitlines()
snippets = [{"template": line} | render(line, VARIABLES) for line in lines]
compact = {}
for source in whitespace():
    compact[source] = render(source, {})["text"]
write("snippets.json", {"variables": VARIABLES, "snippets": snippets})
(HERE / "whitespace.json").write_text(json.dumps(compact, separators=(",", ":")) + "\n", encoding="utf-8")
