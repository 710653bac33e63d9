"""The fields of GOV.UK's forms, in every state that their authors show, come back as a person left them."""

import json

import pytest

from tests.browser.built import SOURCE
from tests.browser.forms.conftest import Site, everything, saved

COMPONENTS = SOURCE / "node_modules" / "govuk-frontend" / "dist" / "govuk" / "components"
TEXTS = ("input", "date-input", "select", "textarea", "character-count", "file-upload", "password-input")
CHOICES = ("radios", "checkboxes", "fieldset")

# Gives every field that a person can change another value, but for secrets, which do not come back.
FILL = """() => {
    const isSecret = ({ type, autocomplete }) =>
        /password|file|hidden/.test(type) || /off|one-time-code/.test(autocomplete);
    const fields = [...document.querySelectorAll("input,select,textarea,[contenteditable]")];
    let random = 7;
    const next = (below) => (random = (random * 48271) % 2147483647) % below;
    for (const [place, field] of fields.entries()) {
        if (field.matches(":disabled") || isSecret(field)) continue;
        if (field.type === "radio" || field.type === "checkbox") field.checked = next(2) === 1;
        else if (field.localName === "select") field.selectedIndex = next(field.options.length);
        else field.value = field.type === "number" ? next(1000) : `${field.value}, line "${place}" & more`;
        field.dispatchEvent(new Event("input", { bubbles: true }));
        field.dispatchEvent(new Event("change", { bubbles: true }));
    }
}"""


def form_of(components: tuple[str, ...]) -> str:
    files = (COMPONENTS / each / "fixtures.json" for each in components)
    return "".join(one["html"] for file in files for one in json.loads(file.read_text())["fixtures"])


@pytest.mark.parametrize("components", [TEXTS, CHOICES, TEXTS + CHOICES], ids=["texts", "choices", "all"])
def test_forms_with_hundreds_of_fields_come_back_exactly(site: Site, components: tuple[str, ...]) -> None:
    site.serves(form_of(components))
    page = site.page()
    page.evaluate(FILL)
    left = everything(page)
    assert len(left) > 200
    saved(page)
    page.close()
    assert everything(site.page()) == left
