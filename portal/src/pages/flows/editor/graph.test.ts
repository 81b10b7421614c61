import { expect, test } from "vitest";
import { definitionOf, graphOf, nodeAt, OUTPUTS } from "./graph";

const DAG = `inputs:
  text:
    type: string
outputs:
  said:
    type: string
    reference: \${say.output}
nodes:
- name: count
  type: python
  source: {type: code, path: ./count.py}
  inputs:
    text: \${inputs.text}
- name: say
  type: prompt
  source:
    type: code
    path: say.jinja2
  inputs:
    words: \${count.output}
  activate:
    when: \${gone.output}
    is: 1

environment: {}
`;

test("nodes have their lines, sources and what leads to them", () => {
  const { nodes, problem } = graphOf("flow.dag.yaml", DAG);
  expect(problem).toBe("");
  const [inputs, outputs, count, say] = nodes;
  expect(inputs).toMatchObject({ id: "inputs", type: "text", from: 1, to: 3 });
  expect(outputs).toMatchObject({ id: OUTPUTS, from: 4, to: 7, uses: ["say"] });
  expect(count).toMatchObject({ file: "count.py", from: 9, to: 13, uses: ["inputs"] });
  expect(say).toMatchObject({ file: "say.jinja2", from: 14, to: 23, uses: ["count"] });
});

test("a line belongs to its node, a source to the one that runs it", () => {
  const graph = graphOf("flow.dag.yaml", DAG);
  expect(nodeAt(graph, "flow.dag.yaml", "flow.dag.yaml", 18)?.id).toBe("say");
  expect(nodeAt(graph, "flow.dag.yaml", "count.py", 1)?.id).toBe("count");
  expect(nodeAt(graph, "flow.dag.yaml", "flow.dag.yaml", 25)).toBeUndefined();
});

test("half-written text still gives what can be read", () => {
  const graph = graphOf("flow.dag.yaml", `${DAG}\nnodes: [`);
  expect(graph.problem).not.toBe("");
  expect(graphOf("flow.dag.yaml", "").nodes).toEqual([]);
  expect(graphOf("flow.dag.yaml", "nodes: [1, {name: a}, {name: a}]").nodes.map(({ id }) => id)).toEqual(["a"]);
});

test("a flex flow is one node with its module as source", () => {
  expect(graphOf("flow.flex.yaml", "entry: pack.mod:run\n").nodes[0]).toMatchObject({ file: "pack/mod.py" });
});

test("the definition is found among the files", () => {
  const files = (...paths: string[]) => paths.map((path) => ({ path }));
  expect(definitionOf(files("a.py", "flow.dag.yaml"))).toBe("flow.dag.yaml");
  expect(definitionOf(files("sub/x.prompty", "x.prompty"))).toBe("x.prompty");
  expect(definitionOf(files("a.py"))).toBe("");
});
