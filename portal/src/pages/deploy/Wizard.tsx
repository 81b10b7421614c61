import { Button, makeStyles, Subtitle1, tokens } from "@fluentui/react-components";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { isSending, useCreations } from "../../api/creations";
import { Leaving } from "../../components/Leaving";
import { Failure, Loading } from "../../components/states";
import { isFit } from "../../components/useSubmission";
import { create } from "./creating";
import { useWorkspace } from "./facts";
import { type Field, problemsOf } from "./fields";
import { type Endpoint, endpointOf, type Facts, type Flow, type Form, firstForm, isNew, type Source } from "./form";
import { NARROW } from "./layout";
import { Progress } from "./Progress";
import { PAGES, PROGRESS, REVIEW, type StepId } from "./pages";
import { blocks, usePlan } from "./plan";
import { Review } from "./Review";
import { Steps } from "./Steps";

const useStyles = makeStyles({
  wizard: {
    display: "grid",
    gridTemplateColumns: "14rem minmax(0, 1fr)",
    gap: tokens.spacingHorizontalXXL,
    [NARROW]: { gridTemplateColumns: "minmax(0, 1fr)", gap: tokens.spacingVerticalM },
  },
  // No grid: in one the buttons would stick within their own row.
  page: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalL, minWidth: 0 },
  title: { margin: 0, outline: "none" },
  foot: {
    display: "flex",
    flexWrap: "wrap",
    gap: tokens.spacingHorizontalS,
    position: "sticky",
    bottom: 0,
    zIndex: 1,
    padding: `${tokens.spacingVerticalM} 0`,
    borderTop: `1px solid ${tokens.colorNeutralStroke2}`,
    backgroundColor: tokens.colorNeutralBackground2,
    // All in one line.
    [NARROW]: { "& button": { minWidth: 0, padding: `5px ${tokens.spacingHorizontalS}`, whiteSpace: "nowrap" } },
  },
});

type Props = { source: Source; flow: Flow; endpoints: Endpoint[]; wanted: string; onCancel: () => void };
type Search = { page?: string; endpoint?: string; deployment?: string };

/** The pages one after the other; what is entered stays while one goes back and forth. wanted: an endpoint to begin
 * with. */
export function Wizard({ source, flow, endpoints, wanted, onCancel }: Props) {
  const [form, setForm] = useState<Form>(() =>
    firstForm(
      source,
      endpoints.map((each) => each.name),
      wanted,
    ),
  );
  const [begun] = useState(form);
  const [created, setCreated] = useState("");
  const search = useSearch({ strict: false }) as Search;
  const navigate = useNavigate();
  const { workspace, loading, failure, again } = useWorkspace(form);
  const set = (part: Partial<Form>) => {
    setCreated("");
    setForm((was) => ({ ...was, ...part }));
  };
  const go = (page: string, more: Partial<Search> = {}) =>
    void navigate({ to: ".", search: (was: Search) => ({ ...was, page, ...more }) } as never);

  // Whoever comes back after a failure finds the endpoint made: it is to be deployed to now.
  const made = isNew(form) && created === form.newEndpoint && endpoints.some((each) => each.name === created);
  if (made && search.page !== PROGRESS) {
    setForm({ ...form, endpointKind: "existing", existingEndpoint: created, newEndpoint: "" });
  }

  if (search.page === PROGRESS && search.endpoint && search.deployment) {
    return <Progress endpoint={search.endpoint} deployment={search.deployment} onBack={() => go(REVIEW.id)} />;
  }
  if (failure) return <Failure failure={failure} retry={again} />;
  if (!workspace) return <Loading />;
  const facts: Facts = { source, flow, endpoints, ...workspace };
  return (
    <>
      <Leaving
        entered={created === "" && JSON.stringify(form) !== JSON.stringify(begun)}
        question="Leave without deploying?"
      />
      <Questions
        {...{ form, set, facts, loading, go, onCancel }}
        here={[...PAGES, REVIEW].find((page) => page.id === search.page)?.id ?? "basic"}
        onCreate={() => {
          setCreated(endpointOf(form));
          void create(form, facts);
          go(PROGRESS, { endpoint: endpointOf(form), deployment: form.deployment });
        }}
      />
    </>
  );
}

type QuestionsProps = {
  form: Form;
  set: (part: Partial<Form>) => void;
  facts: Facts;
  loading: boolean;
  here: StepId;
  go: (page: StepId) => void;
  onCreate: () => void;
  onCancel: () => void;
};

function Questions({ form, set, facts, loading, here, go, onCreate, onCancel }: QuestionsProps) {
  const styles = useStyles();
  const [tried, setTried] = useState(false);
  const [reviewedFrom, setReviewedFrom] = useState<StepId>("basic");
  const focus = useFocus(here);
  const shown = useRef<HTMLDivElement>(null);
  const problems = problemsOf(form, facts);
  const page = PAGES.find((each) => each.id === here);
  const next = PAGES[PAGES.findIndex((each) => each.id === here) + 1];
  const back = page ? PAGES[PAGES.indexOf(page) - 1]?.id : reviewedFrom;
  const sending = isSending(useCreations(), endpointOf(form), form.deployment);
  const plan = usePlan(form, facts, here === REVIEW.id && problems.length === 0 && !loading);

  const change = (field: Field) => {
    focus.on(field.id);
    if (field.page !== here) go(field.page);
  };
  /** To the page, unless something is wrong before it. */
  const goOn = (to: StepId) => {
    if (shown.current && !isFit(shown.current)) return;
    const found = to === REVIEW.id ? problems : problems.filter(({ field }) => field.page === here);
    setTried(found.length > 0);
    if (found[0]) change(found[0].field);
    else {
      if (to === REVIEW.id) setReviewedFrom(here);
      go(to);
    }
  };
  const say = (id: string, late = false) =>
    late && !tried ? "" : (problems.find(({ field }) => field.id === id)?.text ?? "");

  return (
    <div className={styles.wizard}>
      <Steps here={here} onGo={(step) => (isAfter(step, here) ? goOn(step) : go(step))} />
      <div className={styles.page} ref={shown}>
        <Subtitle1 as="h2" tabIndex={-1} className={styles.title} id="step-title">
          {page?.title ?? REVIEW.title}
        </Subtitle1>
        {page ? (
          <page.view form={form} set={set} facts={facts} say={say} />
        ) : (
          <Review {...{ form, facts, problems, plan }} onChange={change} />
        )}
        <div className={styles.foot}>
          {back && <Button onClick={() => go(back)}>Back</Button>}
          {next && page && (
            <Button onClick={() => goOn(next.id)} disabled={loading}>
              Next
            </Button>
          )}
          {page ? (
            <Button appearance="primary" onClick={() => goOn(REVIEW.id)} disabled={loading}>
              Review + Create
            </Button>
          ) : (
            <Button
              appearance="primary"
              disabled={
                problems.length > 0 || loading || sending || plan.isPending || (plan.data ? blocks(plan.data) : false)
              }
              onClick={onCreate}
            >
              Create
            </Button>
          )}
          <Button appearance="subtle" onClick={onCancel}>
            Cancel
          </Button>
        </div>
      </div>
    </div>
  );
}

function isAfter(step: StepId, here: StepId): boolean {
  const order = [...PAGES.map((page) => page.id), REVIEW.id];
  return order.indexOf(step) > order.indexOf(here);
}

/** A page that is come to begins at its title, or at the field that was asked for. */
function useFocus(here: StepId): { on: (id: string) => void } {
  const wanted = useRef("");
  const first = useRef(true);
  // biome-ignore lint/correctness/useExhaustiveDependencies: whenever another page is shown
  useEffect(() => {
    if (first.current) first.current = false;
    else focusOn(wanted.current || "step-title");
    wanted.current = "";
  }, [here]);
  return {
    on: (id) => {
      wanted.current = id;
      // Of the page that is shown already.
      if (focusOn(id)) wanted.current = "";
    },
  };
}

function focusOn(id: string): boolean {
  const found = document.getElementById(id);
  if (!found) return false;
  const inside = found.matches("input, button, [tabindex]")
    ? null
    : found.querySelector<HTMLElement>("input:checked, input, button");
  (inside ?? found).focus();
  found.scrollIntoView({ block: "nearest" });
  return true;
}
