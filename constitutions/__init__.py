"""What is allowed: constitutions, and the small strict things every room needs.

- `constitution`: `Constitution`, `load_constitution`, `shipped`
- `principle`: `Principle`, `Example`, `draw_phrasing`
- `predicate`: `Predicate`, `evaluate`, `check`, `fields`
- `yaml_source`: `load_yaml`, `Document`; `validation`: `validate`, `load_model`: how every configuration is read
- `strict`: `Strict`, `Finite`, `Positive`, `Share`, `Text`, `Identifier`, `problem`: what its schemas are made of
- `files`: `read_text`
- `errors`: `OversightError`, `InputError`
- `guard`: `require_our_agents`

Import names from these modules: the package itself loads nothing, so that the command line starts at once.
"""
