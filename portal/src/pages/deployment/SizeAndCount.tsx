import { Field, makeStyles, Select, SpinButton } from "@fluentui/react-components";
import { useQuery } from "@tanstack/react-query";
import { all } from "../../api/client";
import { keyOf } from "../../api/queries";
import { ADVISED_INSTANCES, MOST_INSTANCES, plural, sumOf } from "../deploy/quota";

// Its longest choice may be wider than a phone.
const useStyles = makeStyles({ narrowing: { minWidth: 0, width: "100%" } });

type InstanceType = {
  name: string;
  properties: { cores: number; memoryGiB: number; gpus: number; quotaLeft: { cores: number } };
};
export type SizeChoice = { instanceType: string; count: number };

/** Sizes with the quota that is left, which is one of all deployments together. */
export function useInstanceTypes() {
  return useQuery({
    queryKey: keyOf("/onlineEndpoints", "instanceTypes"),
    queryFn: () => all<InstanceType>("/instanceTypes"),
  });
}

/** scaled: by itself, so that its number is not asked. */
type Props = { value: SizeChoice; scaled: boolean; onChange: (value: SizeChoice) => void };

/** Virtual machine and instance count, as the wizard's Basic settings have them. */
export function SizeAndCount({ value, scaled, onChange }: Props) {
  const styles = useStyles();
  const query = useInstanceTypes();
  const types = query.data ?? [];
  const chosen = types.find((each) => each.name.toLowerCase() === value.instanceType.toLowerCase());
  const left = chosen ? `${chosen.properties.quotaLeft.cores} cores of the quota are left.` : "";
  const sum = chosen ? `${sumOf({ name: chosen.name, ...chosen.properties }, value.count)}.` : "";
  const advice =
    value.count < ADVISED_INSTANCES ? ` For high availability, set it to at least ${ADVISED_INSTANCES}.` : "";
  const set = (count: number) => {
    if (Number.isInteger(count)) onChange({ ...value, count: Math.max(1, Math.min(MOST_INSTANCES, count)) });
  };
  return (
    <>
      <Field label="Virtual machine" hint={left}>
        <Select
          className={styles.narrowing}
          select={{ className: styles.narrowing }}
          value={value.instanceType}
          onChange={(_, { value: instanceType }) => onChange({ ...value, instanceType })}
        >
          {!chosen && <option>{value.instanceType}</option>}
          {types.map(({ name, properties }) => (
            <option key={name} value={name}>
              {name} ({plural(properties.cores, "core")}, {properties.memoryGiB} GiB memory)
            </option>
          ))}
        </Select>
      </Field>
      <Field
        label="Instance count"
        hint={scaled ? "It is scaled by itself: change that with Scale." : `${sum}${advice}`}
      >
        <SpinButton
          disabled={scaled}
          min={1}
          max={MOST_INSTANCES}
          value={value.count}
          onChange={(_, { value: count, displayValue }) => set(count ?? Number.parseInt(displayValue ?? "", 10))}
        />
      </Field>
    </>
  );
}
