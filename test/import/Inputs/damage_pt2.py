"""damage_pt2.py FROM TO WHAT: an archive of torch.export with one fault, or one change."""
import json
import sys
import zipfile

source, target, what = sys.argv[1:]
with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
    for entry in old.infolist():
        data, how = old.read(entry), zipfile.ZIP_STORED
        if entry.filename.endswith("models/model.json"):
            program = json.loads(data)
            graph = program["graph_module"]["graph"]
            if what == "operator":
                for node in graph["nodes"]:
                    node["target"] = node["target"].replace("aten.tanh.default", "aten.digamma.default")
            elif what == "factors":  # no fault: other values
                for node in graph["nodes"]:
                    if node["target"] == "torch.ops.aten.addmm.default":
                        for name, value in (("alpha", 0.375), ("beta", 0.625)):
                            node["inputs"].append({"name": name, "arg": {"as_float": value}, "kind": 2})
            elif what == "schema":
                program["schema_version"]["major"] = 7
            elif what == "name":
                graph["nodes"][3]["inputs"][0]["arg"]["as_tensor"]["name"] = "nowhere"
            data = b"[" * 100000 if what == "nested" else b"{" if what == "json" else json.dumps(program).encode()
        elif entry.filename.endswith("model_weights_config.json") and what in ("strides", "large"):
            table = json.loads(data)
            meta = table["config"]["model.transformer.h.0.attn.c_attn.weight"]["tensor_meta"]
            if what == "strides":
                meta["strides"].reverse()
            else:
                meta["sizes"][0] = {"as_int": 1 << 39}
            data = json.dumps(table).encode()
        elif entry.filename.endswith("weight_3"):
            if what == "missing":
                continue
            if what == "compressed":
                how = zipfile.ZIP_DEFLATED
        new.writestr(zipfile.ZipInfo(entry.filename), data, how)
