import { Button, Dropdown, Field, Input, Link, makeStyles, Option, tokens } from "@fluentui/react-components";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { type AuditFilter, type AuditRecord, placeName, useAudit } from "../../api/audit";
import { Moment } from "../../components/Moment";
import { type Column, ResourceTable } from "../../components/ResourceTable";
import { StateBadge } from "../../components/StateBadge";
import { Failure, Loading } from "../../components/states";
import { AuditDetails } from "./AuditDetails";
import { spokenAction } from "./auditWords";

const OUTCOMES = [
  { value: "", label: "Any outcome" },
  { value: "Succeeded", label: "Succeeded" },
  { value: "Failed", label: "Failed" },
  { value: "InProgress", label: "In progress" },
  { value: "Canceled", label: "Canceled" },
] as const;
const HOUR_MS = 3_600_000;
const SPANS = [
  { value: "", label: "Any time", ms: 0 },
  { value: "1h", label: "Last hour", ms: HOUR_MS },
  { value: "1d", label: "Last day", ms: 24 * HOUR_MS },
  { value: "7d", label: "Last week", ms: 7 * 24 * HOUR_MS },
] as const;
const PAUSE_MS = 300;

const useStyles = makeStyles({
  filters: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalM, alignItems: "end" },
  wide: { flexGrow: 1, flexBasis: "12rem", maxWidth: "20rem" },
  small: { width: "10rem" },
  box: { minWidth: 0, width: "100%" },
  cut: { overflowWrap: "anywhere" },
});

/** Every change: who, what, when, with what outcome. */
export default function AuditLog() {
  const styles = useStyles();
  const [shown, setShown] = useState<AuditRecord | null>(null);
  const [filter, setFilter] = useFilter();
  const query = useAudit(filter);
  const records = query.data?.pages.flatMap(({ value }) => value) ?? [];
  return (
    <>
      <Filters onChange={setFilter} />
      {query.isError && <Failure failure={query.error} retry={() => void query.refetch()} />}
      {query.isPending && <Loading />}
      {query.data && (
        <ResourceTable label="Changes" rows={records} columns={columns(setShown, styles.cut)} keyOf={({ id }) => id} />
      )}
      {query.hasNextPage && (
        <div>
          <Button disabled={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
            Load older changes
          </Button>
        </div>
      )}
      {shown && <AuditDetails record={shown} onClose={() => setShown(null)} />}
    </>
  );
}

/** Kept in the address, so that it can be passed on. */
type Search = { resource?: string; principal?: string; outcome?: string; since?: string };

function useFilter(): [AuditFilter, (search: Search) => void] {
  const search = useSearch({ strict: false }) as Search;
  const navigate = useNavigate();
  const [now] = useState(() => Date.now());
  const span = SPANS.find(({ value }) => value === search.since)?.ms ?? 0;
  const filter = {
    resource: search.resource ?? "",
    principal: search.principal ?? "",
    outcome: search.outcome ?? "",
    since: span ? new Date(now - span).toISOString() : "",
  };
  const change = (next: Search) => {
    const whole = Object.entries({ ...search, ...next }).filter(([, value]) => value);
    void navigate({ to: "/access", search: Object.fromEntries(whole) as never, replace: true });
  };
  return [filter, change];
}

function Filters({ onChange }: { onChange: (search: Search) => void }) {
  const styles = useStyles();
  const search = useSearch({ strict: false }) as Search;
  return (
    <div className={styles.filters}>
      <TextFilter
        label="Resource"
        placeholder="As onlineEndpoints/chat"
        value={search.resource ?? ""}
        onChange={(resource) => onChange({ resource })}
      />
      <TextFilter
        label="Person"
        placeholder="A name or an object id"
        value={search.principal ?? ""}
        onChange={(principal) => onChange({ principal })}
      />
      <Choice label="Outcome" options={OUTCOMES} value={search.outcome} onChange={(outcome) => onChange({ outcome })} />
      <Choice label="When" options={SPANS} value={search.since} onChange={(since) => onChange({ since })} />
    </div>
  );
}

type TextFilterProps = { label: string; placeholder: string; value: string; onChange: (value: string) => void };

/** Asks when the typing pauses. */
function TextFilter({ label, placeholder, value, onChange }: TextFilterProps) {
  const styles = useStyles();
  const [typed, setTyped] = useState(value);
  useEffect(() => setTyped(value), [value]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: for what is typed alone
  useEffect(() => {
    if (typed.trim() === value) return;
    const timer = setTimeout(() => onChange(typed.trim()), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  return (
    <Field label={label} className={styles.wide}>
      <Input placeholder={placeholder} value={typed} onChange={(_, data) => setTyped(data.value)} />
    </Field>
  );
}

type ChoiceProps = {
  label: string;
  options: readonly { value: string; label: string }[];
  value: string | undefined;
  onChange: (value: string) => void;
};

function Choice({ label, options, value = "", onChange }: ChoiceProps) {
  const styles = useStyles();
  const chosen = options.find((each) => each.value === value) ?? options[0];
  return (
    <Field label={label} className={styles.small}>
      <Dropdown
        className={styles.box}
        value={chosen?.label ?? ""}
        selectedOptions={[chosen?.label ?? ""]}
        onOptionSelect={(_, { optionText }) => onChange(options.find((each) => each.label === optionText)?.value ?? "")}
      >
        {options.map((each) => (
          <Option key={each.label}>{each.label}</Option>
        ))}
      </Dropdown>
    </Field>
  );
}

function columns(onShow: (record: AuditRecord) => void, cut: string): Column<AuditRecord>[] {
  return [
    { label: "When", width: "9rem", cell: ({ properties }) => <Moment at={properties.time} /> },
    { label: "Who", width: "9rem", cell: ({ properties }) => <span className={cut}>{properties.principal}</span> },
    {
      label: "Change",
      width: "10rem",
      cell: (record) => (
        <Link as="button" onClick={() => onShow(record)}>
          {spokenAction(record.properties.action)}
        </Link>
      ),
    },
    {
      label: "Resource",
      wide: true,
      cell: ({ properties }) => (
        <span className={cut} title={properties.resourceId}>
          {placeName(properties.resourceId)}
        </span>
      ),
    },
    {
      label: "Outcome",
      wide: true,
      width: "8rem",
      cell: ({ properties }) => <StateBadge state={properties.outcome} />,
    },
  ];
}
