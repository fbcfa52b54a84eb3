/** The menu behind the avatar: who you are, how it looks, the way out. */

import { Menu, useMantineColorScheme } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "react-router";

import { signOut } from "../api/auth";
import { api, take, type Session } from "../api/client";
import { asProblem } from "../api/problem";
import { keys, sessionQuery } from "../api/queries";
import { Avatar } from "../ui/Avatar";
import {
  IconBranch,
  IconCheck,
  IconFlag,
  IconLeave,
  IconMoon,
  IconPeople,
  IconPerson,
  IconScreen,
  IconSun,
} from "../ui/icons";
import { toast } from "../ui/live";

const SCHEMES = [
  { value: "light", label: "Light", Icon: IconSun },
  { value: "dark", label: "Dark", Icon: IconMoon },
  { value: "auto", label: "Like the system", Icon: IconScreen },
] as const;

export function PersonMenu({ person }: { readonly person: NonNullable<Session["user"]> }) {
  const { data: session } = useQuery(sessionQuery);
  const teams = session?.teams ?? [];
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const client = useQueryClient();
  const navigate = useNavigate();

  const leave = async () => {
    try {
      await signOut();
    } catch (error) {
      toast(asProblem(error).message);
      return;
    }
    client.removeQueries({ predicate: (query) => query.queryKey[0] !== keys.session[0] });
    await client.invalidateQueries({ queryKey: keys.session });
    await navigate("/sign-in");
  };

  const workIn = async (id: string) => {
    try {
      await take(api.PUT("/api/session/team", { body: { team_id: id } }));
    } catch (error) {
      toast(asProblem(error).message);
      return;
    }
    await client.invalidateQueries(); // everything that is shown is another team's now
    await navigate("/pictures");
  };

  return (
    <Menu position="bottom-end" width={232}>
      <Menu.Target>
        <button type="button" className="at-person">
          <Avatar person={person} size={28} isNamed />
          <span className="at-hidden">{person.name}: account and theme</span>
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        <div className="at-person-head">
          <strong className="at-ellipsis">{person.name}</strong>
          <span className="at-hint at-ellipsis">{person.email}</span>
        </div>
        <Menu.Divider />
        <Menu.Label>Theme</Menu.Label>
        {SCHEMES.map(({ value, label, Icon }) => (
          <Menu.Item
            key={value}
            role="menuitemradio"
            aria-checked={colorScheme === value}
            leftSection={<Icon size={16} />}
            rightSection={colorScheme === value ? <IconCheck size={15} /> : null}
            onClick={() => setColorScheme(value)}
          >
            {label}
          </Menu.Item>
        ))}
        {teams.length > 1 && (
          <>
            <Menu.Divider />
            <Menu.Label>Work in</Menu.Label>
            {teams.map((team) => (
              <Menu.Item
                key={team.id}
                role="menuitemradio"
                aria-checked={team.id === session?.team_id}
                leftSection={<IconPeople size={16} />}
                rightSection={team.id === session?.team_id ? <IconCheck size={15} /> : null}
                onClick={() => void workIn(team.id)}
              >
                {team.name}
              </Menu.Item>
            ))}
          </>
        )}
        <Menu.Divider />
        <Menu.Item component={Link} to="/families" leftSection={<IconBranch size={16} />}>
          Families
        </Menu.Item>
        <Menu.Item component={Link} to="/account" leftSection={<IconPerson size={16} />}>
          Account
        </Menu.Item>
        {person.is_moderator && (
          <Menu.Item component={Link} to="/moderation" leftSection={<IconFlag size={16} />}>
            Moderation
          </Menu.Item>
        )}
        <Menu.Item leftSection={<IconLeave size={16} />} onClick={() => void leave()}>
          Sign out
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
