/** Collections and albums, beside the search field. */

import { Menu } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";

import { collectionsQuery } from "../../api/queries";
import { IconFolder, IconPicture } from "../../ui/icons";
import styles from "./library.module.css";

const MOST = 8;

export function CollectionsMenu() {
  const { data: collections } = useQuery(collectionsQuery);
  return (
    <Menu position="bottom-end" width={260}>
      <Menu.Target>
        <button
          type="button"
          className="at-button"
          data-size="main"
          aria-label="Collections and albums"
        >
          <IconFolder size={17} /> <span className={styles.wideOnly}>Collections</span>
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        {collections?.slice(0, MOST).map((one) => (
          <Menu.Item key={one.id} component={Link} to={`/library/collections/${one.id}`}>
            <span className="at-spread">
              <span className="at-ellipsis">{one.title}</span>
              <span className="at-hint">{one.num_vectors}</span>
            </span>
          </Menu.Item>
        ))}
        {collections && collections.length > 0 && <Menu.Divider />}
        <Menu.Item
          component={Link}
          to="/library/collections"
          leftSection={<IconFolder size={16} />}
        >
          All collections, import
        </Menu.Item>
        <Menu.Item component={Link} to="/album-runs" leftSection={<IconPicture size={16} />}>
          Albums
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
