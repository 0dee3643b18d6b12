// Projects: instances, images and profiles apart from those of others, with limits and restrictions.
import { type Static, Type } from "typebox";
import { defineEndpoints } from "./endpoint.ts";
import { ListQuery, RenameBody, StringMap, urlsOr } from "./schemas.ts";

const writable = { description: Type.Optional(Type.String()), config: Type.Optional(StringMap) };
export const ProjectPut = Type.Object(writable);
export type ProjectPut = Static<typeof ProjectPut>;
export const ProjectsPost = Type.Object({ name: Type.String(), ...writable });
export type ProjectsPost = Static<typeof ProjectsPost>;

export const Project = Type.Object({
  name: Type.String(),
  description: Type.String(),
  config: StringMap,
  used_by: Type.Array(Type.String({ description: "URLs of what is in it" })),
});
export type Project = Static<typeof Project>;

export const ProjectState = Type.Object({
  resources: Type.Record(Type.String(), Type.Object({
    Limit: Type.Integer({ description: "-1: none" }),
    Usage: Type.Integer({ description: "Bytes or a count: what the limits of its instances add up to" }),
  }), { description: "containers, cpu, disk, instances, memory, networks, processes, virtual-machines" }),
});
export type ProjectState = Static<typeof ProjectState>;

export const projectEndpoints = defineEndpoints({
  listProjects: {
    method: "GET", path: "/1.0/projects", access: "any", kind: "sync", query: ListQuery, since: "projects", response: urlsOr(Project),
    summary: "List the projects that the caller may see",
  },
  createProject: {
    method: "POST", path: "/1.0/projects", access: "admin", kind: "sync", status: 201, body: ProjectsPost, since: "projects",
    errors: ["project_name_invalid", "project_exists", "unknown_config_key", "invalid_config_value", "project_needs_profiles"], summary: "Create a project",
  },
  getProject: {
    method: "GET", path: "/1.0/projects/:name", access: "any", kind: "sync", since: "projects", response: Project, etag: ["description", "config"],
    errors: ["project_not_found", "forbidden"], summary: "Show a project",
  },
  replaceProject: {
    method: "PUT", path: "/1.0/projects/:name", access: "admin", kind: "sync", body: ProjectPut, precondition: "getProject", since: "projects",
    errors: ["project_not_found", "project_features_fixed", "project_limit_low", "project_restricted"], summary: "Replace a project's configuration",
  },
  patchProject: {
    method: "PATCH", path: "/1.0/projects/:name", access: "admin", kind: "sync", body: ProjectPut, precondition: "getProject", since: "projects",
    errors: ["project_not_found", "project_features_fixed", "project_limit_low", "project_restricted"], summary: "Change a part of a project's configuration",
  },
  renameProject: {
    method: "POST", path: "/1.0/projects/:name", access: "admin", kind: "operation", body: RenameBody, since: "projects",
    errors: ["project_not_found", "project_default_fixed", "project_exists", "project_not_empty", "project_name_invalid"], summary: "Rename a project that has nothing in it",
  },
  deleteProject: {
    method: "DELETE", path: "/1.0/projects/:name", access: "admin", kind: "sync", since: "projects",
    errors: ["project_not_found", "project_default_fixed", "project_not_empty"], summary: "Delete a project that has nothing in it",
  },
  getProjectState: {
    method: "GET", path: "/1.0/projects/:name/state", access: "any", kind: "sync", since: "project_usage", response: ProjectState,
    errors: ["project_not_found", "forbidden"], summary: "Show what of its limits a project uses",
  },
});
