# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""The matrix of doors, providers and features: what is asked of each cell, and where it is meant to differ."""

# Each with the letter that stands for it in the table.
FEATURES = {
    "text": "T",
    "parallel tools": "P",
    "tool loop": "L",
    "reasoning": "R",
    "signatures": "S",
    "moved": "M",
    "image": "I",
    "image address": "A",
    "structured output": "J",
    "errors": "E",
    "cancel": "C",
}

# Name of the provider, and the settings that point it at the simulator; each kind once, Azure in both of its forms.
PROVIDERS = {
    "openai": {"kind": "openai", "base_url": "{root}/v1"},
    "compatible": {"kind": "openai-compatible", "base_url": "{root}/v1"},
    "anthropic": {"kind": "anthropic", "base_url": "{root}"},
    "gemini": {"kind": "gemini", "base_url": "{root}/v1beta"},
    "antigravity": {"kind": "antigravity", "base_url": "{root}", "project": "test"},
    "glm": {"kind": "glm", "base_url": "{root}/api/paas/v4"},
    "digitalocean": {"kind": "digitalocean", "base_url": "{root}/v1"},
    "straico": {"kind": "straico", "base_url": "{root}"},
    "azure": {"kind": "azure", "base_url": "{root}/openai/v1"},
    "azure-deployments": {"kind": "azure", "base_url": "{root}"},
    "ollama": {"kind": "ollama", "base_url": "{root}"},
    "mistral": {"kind": "mistral", "base_url": "{root}/mistral/v1"},
    "sim": {"kind": "simulator"},
}

DOORS = ["chat", "responses", "messages", "gemini"]


class Refused:
    """The request is refused with 400, and the answer names what cannot be said."""

    mark = "-"

    def __init__(self, *names):
        self.names = names  # one of them is in the message

    def __repr__(self):
        return f"refused, naming {' or '.join(self.names)}"


class Differs:
    """It works, but less than whole; the value is for the test to compare with."""

    mark = "~"

    def __init__(self, value):
        self.value = value

    def __repr__(self):
        return f"differs: {self.value}"


# Where a cell is meant not to work whole: (feature, door, provider), with * for any; the first that fits counts.
EXCEPTIONS = [
    # Straico takes text and gives text.
    (("parallel tools", "*", "straico"), Refused("tools")),
    (("tool loop", "*", "straico"), Refused("tools")),
    (("signatures", "*", "straico"), Refused("tools")),
    (("moved", "*", "straico"), Refused("tools")),
    (("image", "*", "straico"), Refused("content", "contents", "input")),
    (("image address", "*", "straico"), Refused("content", "contents", "input")),
    (("structured output", "*", "straico"), Refused("format", "responseMimeType")),
    # Only the bytes of an image are taken.
    (("image address", "*", "ollama"), Refused("content", "contents", "input", "image")),
    (("image address", "*", "antigravity"), Refused("url")),
    # Ollama signs nothing.
    (("signatures", "*", "ollama"), Differs("reasoning unsigned, call unsigned")),
]


def providers(simulator):
    """The providers' settings, each pointed at the simulator."""
    root = "http://%s:%d" % simulator.address
    settings = []
    for name, options in PROVIDERS.items():
        provider = {"name": name, **options, "max_retries": 0}
        if "base_url" in provider:
            provider |= {"base_url": provider["base_url"].format(root=root), "api_key": "sk-upstream-secret"}
        settings.append(provider)
    return settings


def expectation(feature, door, provider):
    """What differs in a cell; None where all must work."""
    for cell, expected in EXCEPTIONS:
        if all(
            pattern in ("*", value) for pattern, value in zip(cell, (feature, door, provider), strict=True)
        ):
            return expected
    return None


def table(outcomes):
    """The table as lines; `outcomes` maps (feature, door, provider) to a list of outcomes of pytest."""

    def mark(feature, door, provider):
        seen = outcomes.get((feature, door, provider))
        if not seen:
            return " "
        if any(outcome != "passed" for outcome in seen):
            return "!"
        expected = expectation(feature, door, provider)
        return expected.mark if expected else FEATURES[feature]

    width = max(map(len, PROVIDERS)) + 2
    rows = ["".join([" " * width, *(door.ljust(len(FEATURES) + 3) for door in DOORS)]).rstrip()]
    for provider in PROVIDERS:
        cells = ["".join(mark(feature, door, provider) for feature in FEATURES) for door in DOORS]
        rows.append(provider.ljust(width) + "   ".join(cells))
    legend = ", ".join(f"{letter} {feature}" for feature, letter in FEATURES.items())
    return [*rows, "", legend, "- refused with 400 as it must be, ~ works less than whole as declared, ! fails"]
