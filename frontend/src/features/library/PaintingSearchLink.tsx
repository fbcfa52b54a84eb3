/** The way from the library to search by painting: a picture to paint on, in the studio. */

import { Menu } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "react-router";

import { imagePagesQuery } from "../../api/queries";
import { IconPen } from "../../ui/icons";
import styles from "./library.module.css";

export function PaintingSearchLink() {
  const pages = useInfiniteQuery(imagePagesQuery(""));
  const ready = (pages.data?.pages.flatMap((page) => page.items) ?? []).filter(
    (image) => image.status === "ready",
  );
  return (
    <Menu position="bottom-end" width={260}>
      <Menu.Target>
        <button
          type="button"
          className="at-button"
          data-size="main"
          disabled={ready.length === 0}
          title="Paint what you want, and see which vectors would do it"
        >
          <IconPen size={17} /> <span className={styles.wideOnly}>Search by painting</span>
        </button>
      </Menu.Target>
      <Menu.Dropdown mah={360} style={{ overflowY: "auto" }}>
        <Menu.Label>On which picture will you paint?</Menu.Label>
        {ready.map((image) => (
          <Menu.Item
            key={image.id}
            component={Link}
            to={`/pictures/${image.id}?search=painting`}
            leftSection={
              image.thumbnail_url && (
                <img
                  src={image.thumbnail_url}
                  alt=""
                  width={32}
                  height={32}
                  className={styles.mini}
                />
              )
            }
          >
            {image.name}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
