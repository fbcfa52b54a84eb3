import { useQuery } from "@tanstack/react-query";

import { type LibraryFilter, type Switch, toggled } from "../../api/libraryFilter";
import { facetsQuery, familiesQuery } from "../../api/queries";
import { ErrorNote } from "../../ui/ErrorNote";
import { IconCheck } from "../../ui/icons";
import { count, percent, titled } from "../../ui/words";
import styles from "./library.module.css";

/** What narrows the library: whose, which parts, which tags, each with its number of vectors. */
export function Filters({
  filter,
  onChange,
}: {
  readonly filter: LibraryFilter;
  readonly onChange: (filter: LibraryFilter) => void;
}) {
  const { data: facets, error, refetch } = useQuery(facetsQuery(filter.q, filter.family));
  const { data: families } = useQuery(familiesQuery);
  const toggle = (name: Switch) => ({
    isOn: filter.on.includes(name),
    onToggle: () => onChange({ ...filter, on: toggled(filter.on, name) }),
  });
  // A family may have several models; a filter is about the family, whatever their sizes.
  const kinds = [...new Map(families?.map((one) => [one.family, one])).values()];
  const titles = new Map(
    families?.flatMap((family) => family.parts).map((part) => [part.name, part.title]),
  );
  if (error && !facets) return <ErrorNote error={error} onRetry={() => void refetch()} />;
  return (
    <>
      <fieldset className={styles.filter}>
        <legend>Whose</legend>
        <Choice label="My own" number={facets?.mine} {...toggle("mine")} />
      </fieldset>
      {kinds.length > 1 && (
        <fieldset className={styles.filter}>
          <legend>Family</legend>
          {kinds.map((family) => (
            <Choice
              key={family.family}
              label={family.title.replace(/, \d+ px$/, "")}
              number={undefined}
              isOn={filter.family === family.family}
              onToggle={() =>
                onChange({
                  ...filter,
                  family: filter.family === family.family ? "" : family.family,
                  parts: [],
                })
              }
            />
          ))}
        </fieldset>
      )}
      {facets && facets.parts.length > 0 && (
        <fieldset className={styles.filter}>
          <legend>Changes these parts</legend>
          {facets.parts.map((part) => (
            <Choice
              key={part.name}
              label={titles.get(part.name) ?? titled(part.name)}
              number={part.count}
              isOn={filter.parts.includes(part.name)}
              onToggle={() => onChange({ ...filter, parts: toggled(filter.parts, part.name) })}
            />
          ))}
        </fieldset>
      )}
      {facets && (
        <fieldset className={styles.filter}>
          <legend>Measured</legend>
          <Choice
            label={`Stays ≥ ${percent(facets.least_locality)} local`}
            number={facets.local}
            {...toggle("local")}
          />
          <Choice
            label={`Identity ≥ ${facets.least_identity.toFixed(2)}`}
            number={facets.identity}
            {...toggle("identity")}
          />
          <Choice
            label={`Works on ≥ ${percent(facets.least_success)}`}
            number={facets.works}
            {...toggle("works")}
          />
        </fieldset>
      )}
      {facets && (
        <fieldset className={styles.filter}>
          <legend>Licence</legend>
          <Choice label="Commercial use" number={facets.commercial} {...toggle("commercial")} />
          <Choice label="Changes allowed" number={facets.derivatives} {...toggle("derivatives")} />
        </fieldset>
      )}
      {facets && facets.tags.length > 0 && (
        <fieldset className={styles.filter}>
          <legend>Tags</legend>
          {facets.tags.map((tag) => (
            <Choice
              key={tag.name}
              label={tag.name}
              number={tag.count}
              isOn={filter.tags.includes(tag.name)}
              onToggle={() => onChange({ ...filter, tags: toggled(filter.tags, tag.name) })}
            />
          ))}
        </fieldset>
      )}
    </>
  );
}

function Choice({
  label,
  number,
  isOn,
  onToggle,
}: {
  readonly label: string;
  readonly number: number | undefined;
  readonly isOn: boolean;
  readonly onToggle: () => void;
}) {
  return (
    <label className={styles.choice}>
      <input type="checkbox" checked={isOn} onChange={onToggle} />
      <span className={styles.box} aria-hidden>
        <IconCheck size={13} />
      </span>
      <span className="at-ellipsis">{label}</span>
      <span className={styles.number}>{number === undefined ? "" : count(number)}</span>
    </label>
  );
}
