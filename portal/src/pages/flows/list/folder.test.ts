import { expect, test } from "vitest";
import { nameFrom, pickedFrom } from "./folder";
import { crc32, zipOf } from "./zip";

const file = (path: string, text = "x") => ({ path, file: new File([text], path.split("/").at(-1) ?? "") });

test("a folder becomes an archive of its name, without what tools leave", async () => {
  const picked = await pickedFrom([file("My flow/flow.dag.yaml"), file("My flow/__pycache__/a.pyc")]);
  expect(picked.name).toBe("My-flow");
  expect(picked.files).toBe(1);
});

test("an archive goes as it is", async () => {
  const zip = file("chat.ZIP");
  const picked = await pickedFrom([zip]);
  expect(picked.archive).toBe(zip.file);
  expect(picked.name).toBe("chat");
});

test("an empty folder is refused with what to do", async () => {
  await expect(pickedFrom([file("a/.git/config")])).rejects.toThrow("flow.dag.yaml");
});

test("names are made such that the server takes them", () => {
  expect(nameFrom("../a b/ü")).toBe("a-b-");
});

test("the checksum is that of zip archives", () => {
  expect(crc32(new TextEncoder().encode("123456789"))).toBe(0xcbf43926);
});

test("an archive has its parts where its records say", async () => {
  const data = new TextEncoder().encode("hello");
  const bytes = new DataView(await zipOf([{ path: "ä.txt", data }]).arrayBuffer());
  expect(bytes.getUint32(0, true)).toBe(0x04034b50);
  const end = bytes.byteLength - 22;
  expect(bytes.getUint32(end, true)).toBe(0x06054b50);
  expect(bytes.getUint16(end + 10, true)).toBe(1);
  const directory = bytes.getUint32(end + 16, true);
  expect(bytes.getUint32(directory, true)).toBe(0x02014b50);
  expect(bytes.getUint32(directory + 16, true)).toBe(crc32(data));
  expect(bytes.getUint32(directory + 42, true)).toBe(0);
});
