"""
fastavro and pyarrow for tests/interop/: one JSON request a line, one JSON answer a line.

encode  values of a schema as Avro messages, by fastavro
decode  Avro messages as texts of their values, or what fastavro says is wrong with them
read    a Parquet file as texts of its cells, by pyarrow

Texts are the same as cellText() in cell_text.ts makes them.
"""
import base64
import decimal
import io
import json
import math
import resource
import struct
import sys

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq

# What damaged bytes may make fastavro ask for, at most: then it is an error like others, and not the end of the machine.
MEMORY_BYTES_MAX = 4 * 2**30

# Digits of a decimal256.
DECIMALS = decimal.Context(prec=80)


def text_of(value):
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return text_of_float(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, bytes):
        return "x" + value.hex()
    if isinstance(value, list):
        return "[" + ",".join(map(text_of, value)) + "]"
    entries = [json.dumps(key, ensure_ascii=False) + ":" + text_of(item) for key, item in value.items()]
    return "{" + ",".join(sorted(entries, key=lambda entry: entry.encode("utf-16-be"))) + "}"


def text_of_float(value):
    if math.isnan(value):
        return "fNaN"
    is_negative_zero = value == 0 and math.copysign(1, value) < 0
    if value.is_integer() and abs(value) <= 2**53 - 1 and not is_negative_zero:
        return str(int(value))
    return "f" + struct.pack(">d", value).hex()


def without_logical_types(node):
    """What they mean is compared in the Parquet file; here they would only limit what the bytes may say."""
    if isinstance(node, list):
        return [without_logical_types(item) for item in node]
    if isinstance(node, dict):
        return {key: without_logical_types(item) for key, item in node.items() if key != "logicalType"}
    return node


def named_types(node, found):
    if isinstance(node, list):
        for item in node:
            named_types(item, found)
    elif isinstance(node, dict):
        if "name" in node:
            found[node["name"]] = node
        for field in node.get("fields", []):
            named_types(field["type"], found)
        for inner in ("items", "values"):
            if inner in node:
                named_types(node[inner], found)
    return found


def value_of(node, portable, names):
    """A value as fastavro takes it, of one in portable JSON: see portable() in cell_text.ts."""
    if isinstance(node, list):
        index, inner = portable
        branch = node[index]
        definition = names.get(branch, branch) if isinstance(branch, str) else branch
        name = definition if isinstance(definition, str) else definition.get("name", definition["type"])
        return (name, value_of(branch, inner, names))
    if isinstance(node, str):
        node = names.get(node, {"type": node})
    kind = node["type"]
    if kind in ("int", "long"):
        return int(portable)
    if kind in ("float", "double"):
        return struct.unpack(">d", bytes.fromhex(portable))[0]
    if kind in ("bytes", "fixed"):
        return bytes.fromhex(portable)
    if kind == "array":
        return [value_of(node["items"], item, names) for item in portable]
    if kind == "map":
        return {key: value_of(node["values"], item, names) for key, item in portable}
    if kind == "record":
        return {
            field["name"]: value_of(field["type"], item, names)
            for field, item in zip(node["fields"], portable, strict=True)
        }
    return portable


def encode(request):
    schema = fastavro.parse_schema(without_logical_types(request["written"]))
    names = named_types(request["plain"], {})
    messages = []
    for portable in request["values"]:
        out = io.BytesIO()
        fastavro.schemaless_writer(out, schema, value_of(request["plain"], portable, names))
        messages.append(base64.b64encode(out.getvalue()).decode())
    return {"messages": messages}


def decode(request):
    schema = fastavro.parse_schema(without_logical_types(request["written"]))
    return {"values": [decode_one(schema, base64.b64decode(message)) for message in request["messages"]]}


def decode_one(schema, message):
    source = io.BytesIO(message)
    try:
        value = fastavro.schemaless_reader(source, schema, None)
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"[:200]}
    return {"text": text_of(value), "left": len(message) - source.tell()}


def read(request):
    table = pq.read_table(pa.BufferReader(base64.b64decode(request["parquet"])))
    columns = [[text_of(value) for value in cells_of(column.combine_chunks())] for column in table.columns]
    types = [type_of(field) for field in table.schema]
    return {"rows": table.num_rows, "names": table.column_names, "types": types, "columns": columns}


def type_of(field):
    """pyarrow's own words, but for maps, in which it leaves out whether values may be null."""
    kind = field.type
    if pa.types.is_map(kind):
        text = f"map<string, {type_of(kind.item_field)}>" if kind.key_type == pa.string() else str(kind)
    elif pa.types.is_list(kind):
        text = f"list<{kind.value_field.name}: {type_of(kind.value_field)}>"
    elif pa.types.is_struct(kind):
        text = f"struct<{', '.join(f'{child.name}: {type_of(child)}' for child in kind)}>"
    else:
        text = str(kind)
    return text if field.nullable else f"{text} not null"


def cells_of(array):
    """Values of Python, in which dates, times, timestamps and decimals are the whole numbers that they are stored as."""
    if isinstance(array, pa.ChunkedArray):
        return [cell for chunk in array.chunks for cell in cells_of(chunk)]
    kind = array.type
    valid = array.is_valid().to_pylist()
    if isinstance(kind, pa.BaseExtensionType):
        return cells_of(array.storage)
    if pa.types.is_dictionary(kind):
        # Under a null there may be an index of no symbol, at which dictionary_decode() stumbles.
        symbols = array.dictionary.to_pylist()
        return [None if index is None else symbols[index] for index in array.indices.to_pylist()]
    if pa.types.is_map(kind):
        keys, items = cells_of(array.keys), cells_of(array.items)
        bounds = array.offsets.to_pylist()
        return [
            dict(zip(keys[bounds[at]:bounds[at + 1]], items[bounds[at]:bounds[at + 1]])) if there else None
            for at, there in enumerate(valid)
        ]
    if pa.types.is_list(kind):
        items, bounds = cells_of(array.values), array.offsets.to_pylist()
        return [items[bounds[at]:bounds[at + 1]] if there else None for at, there in enumerate(valid)]
    if pa.types.is_struct(kind):
        # Flattened, fields are null where the struct is: what stands there otherwise is nothing that was written.
        children = [(field.name, cells_of(child)) for field, child in zip(kind, array.flatten(), strict=True)]
        return [
            {name: cells[at] for name, cells in children} if there else None for at, there in enumerate(valid)
        ]
    if pa.types.is_timestamp(kind) or pa.types.is_time64(kind):
        return array.cast(pa.int64()).to_pylist()
    if pa.types.is_date32(kind) or pa.types.is_time32(kind):
        return array.cast(pa.int32()).to_pylist()
    if pa.types.is_decimal(kind):
        return [
            None if value is None else int(value.scaleb(kind.scale, context=DECIMALS))
            for value in array.to_pylist()
        ]
    return array.to_pylist()


def main():
    actions = {"encode": encode, "decode": decode, "read": read}
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = actions[request["do"]](request)
        except Exception as error:
            answer = {"failure": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    sys.setrecursionlimit(20_000)
    sys.stdin.reconfigure(encoding="utf-8")
    sys.stdout.reconfigure(encoding="utf-8")
    main()
