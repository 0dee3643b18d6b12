// Profiles: configuration and devices that instances share.
import { type Static, Type } from "typebox";
import { defineEndpoints } from "./endpoint.ts";
import { Devices, ListQuery, ProjectQuery, RenameBody, StringMap, urlsOr } from "./schemas.ts";

const writable = {
  description: Type.Optional(Type.String()),
  config: Type.Optional(StringMap),
  devices: Type.Optional(Devices),
};
export const ProfilePut = Type.Object(writable);
export type ProfilePut = Static<typeof ProfilePut>;
export const ProfilesPost = Type.Object({ name: Type.String(), ...writable });

export const Profile = Type.Object({
  name: Type.String(),
  description: Type.String(),
  config: StringMap,
  devices: Devices,
  used_by: Type.Array(Type.String()),
});
export type Profile = Static<typeof Profile>;

export const profileEndpoints = defineEndpoints({
  listProfiles: {
    method: "GET", path: "/1.0/profiles", access: "view", kind: "sync", query: ListQuery, response: urlsOr(Profile), summary: "List profiles",
  },
  createProfile: {
    method: "POST", path: "/1.0/profiles", access: "edit", kind: "sync", status: 201, query: ProjectQuery, body: ProfilesPost,
    errors: ["profile_exists", "invalid_name", "unknown_config_key", "invalid_device"], summary: "Create a profile",
  },
  getProfile: {
    method: "GET", path: "/1.0/profiles/:name", access: "view", kind: "sync", query: ProjectQuery, response: Profile,
    etag: ["config", "description", "devices"], errors: ["profile_not_found"], summary: "Show a profile",
  },
  replaceProfile: {
    method: "PUT", path: "/1.0/profiles/:name", access: "edit", kind: "sync", query: ProjectQuery, body: ProfilePut, precondition: "getProfile",
    errors: ["profile_not_found", "unknown_config_key", "invalid_device"], summary: "Replace a profile",
  },
  patchProfile: {
    method: "PATCH", path: "/1.0/profiles/:name", access: "edit", kind: "sync", query: ProjectQuery, body: ProfilePut, precondition: "getProfile",
    errors: ["profile_not_found", "unknown_config_key", "invalid_device"], summary: "Change a part of a profile",
  },
  renameProfile: {
    method: "POST", path: "/1.0/profiles/:name", access: "edit", kind: "sync", status: 201, query: ProjectQuery, body: RenameBody,
    errors: ["profile_not_found", "profile_exists", "profile_default_fixed"], summary: "Rename a profile",
  },
  deleteProfile: {
    method: "DELETE", path: "/1.0/profiles/:name", access: "edit", kind: "sync", query: ProjectQuery,
    errors: ["profile_not_found", "profile_in_use", "profile_default_fixed"], summary: "Delete a profile",
  },
});
