"""Reports every relative link of the Markdown pages under a folder that leads nowhere, and every page of docs/ that its
index leaves out."""

import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1]).resolve()
pages = [root / "README.md", *sorted((root / "docs").rglob("*.md"))]
faults = []
for page in pages:
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path = target.split("#")[0]
        if path and "://" not in path and not (page.parent / path).exists():
            faults.append(f"{page.relative_to(root)}: there is no '{target}'")

index = (root / "docs" / "README.md").read_text()
for page in pages[1:]:
    name = page.relative_to(root / "docs").as_posix()
    if name != "README.md" and f"]({name})" not in index:
        faults.append(f"docs/README.md: no link to '{name}'")
print("\n".join(faults) or f"all links of {len(pages)} pages lead somewhere")
sys.exit(1 if faults else 0)
