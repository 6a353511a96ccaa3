/** Lists and maps in a file's schema, by the same rules by which hyparquet puts their values together. */
import type { SchemaTree } from "hyparquet";

/** A group marked as a list that holds one repeated thing; other groups so marked are plain groups to the reader. */
export function isList({ element, children }: SchemaTree): boolean {
  const [repeated] = children;
  return element.converted_type === "LIST" && children.length === 1 && repeated !== undefined &&
    repeated.children.length <= 1 && repeated.element.repetition_type === "REPEATED";
}

/** What a list holds: writers of old put the item itself where others put a group around it. */
export function itemOf(list: SchemaTree): SchemaTree {
  const repeated = list.children[0]!;
  return repeated.children.length === 1 ? repeated.children[0]! : repeated;
}

/** A group marked as a map that holds repeated pairs of `key` and `value`. */
export function isMap({ element, children }: SchemaTree): boolean {
  const [pairs] = children;
  return element.converted_type === "MAP" && children.length === 1 && pairs !== undefined &&
    pairs.children.length === 2 && pairs.element.repetition_type === "REPEATED" &&
    pairs.children.every(({ element }) => element.repetition_type !== "REPEATED");
}

/** Key and value of a map. */
export function mapParts(map: SchemaTree): readonly [SchemaTree, SchemaTree] {
  const [key, value] = map.children[0]!.children;
  return [key!, value!];
}
