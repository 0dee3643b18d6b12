// All commands of the stock client (lxc 5.0.2), with their aliases in brackets and their flags in braces: what scripts written for it use.

export const stockCommands: Readonly<Record<string, string>> = {
  "alias": `
    add; list(ls) {-f/--format}; remove(rm); rename(mv);`,
  "cluster": `
    add {--name}; edit; enable; evacuate(evac) {--force}; get; list(ls) {-f/--format}; list-tokens {-f/--format}; remove(rm) {-f/--force --yes};
    rename(mv); restore {--force}; revoke-token; set; show; unset; update-certificate(update-cert);`,
  "cluster group": `
    assign(apply); create; delete(rm); edit; list(ls) {-f/--format}; remove; rename(mv); show;`,
  "cluster role": `
    add; remove;`,
  "config device": `
    add; get; list(ls); override; remove(rm); set; show; unset;`,
  "config": `
    edit {--target}; get {-e/--expanded --target}; set {--target}; show {-e/--expanded --target}; unset {--target};`,
  "config metadata": `
    edit; show;`,
  "config template": `
    create; delete(rm); edit; list {-f/--format}; show;`,
  "config trust": `
    add {--name --projects --restricted --type}; edit; list(ls) {-f/--format}; list-tokens {-f/--format}; remove(rm); revoke-token; show;`,
  "": `
    console {--show-log -t/--type};
    copy(cp) {--allow-inconsistent -c/--config -d/--device -e/--ephemeral --instance-only --mode --no-profiles -p/--profile --refresh --stateless -s/--storage --target --target-project};
    delete(rm) {-f/--force -i/--interactive};
    exec {--cwd -n/--disable-stdin --env -t/--force-interactive -T/--force-noninteractive --group --mode --user};
    export {--compression --instance-only --optimized-storage}; import {-s/--storage}; info {--resources --show-log --target};
    init {-c/--config -d/--device --empty -e/--ephemeral -n/--network --no-profiles -p/--profile -s/--storage --target -t/--type --vm};
    launch {-c/--config --console -d/--device --empty -e/--ephemeral -n/--network --no-profiles -p/--profile -s/--storage --target -t/--type --vm};
    list(ls) {--all-projects -c/--columns --fast -f/--format}; manpage {-f/--format}; monitor {--all-projects -f/--format --loglevel --pretty --type};
    move(mv) {--allow-inconsistent -c/--config -d/--device --instance-only --mode --no-profiles -p/--profile --stateless -s/--storage --target --target-project};
    pause {--all}; publish {--alias --compression --expire -f/--force --public}; query {-d/--data --raw -X/--request --wait}; rename;
    restart {--all --console -f/--force --timeout}; restore {--stateful}; snapshot {--no-expiry --reuse --stateful};
    start {--all --console --stateless}; stop {--all --console -f/--force --stateful --timeout}; version;`,
  "file": `
    delete(rm); edit; mount {--auth-user --listen --no-auth}; pull {-p/--create-dirs -r/--recursive};
    push {-p/--create-dirs --gid --mode -r/--recursive --uid};`,
  "image alias": `
    create; delete(rm); list(ls) {-f/--format}; rename(mv);`,
  "image": `
    copy(cp) {--alias --auto-update --copy-aliases --mode --public --target-project --vm}; delete(rm); edit; export {--vm}; get-property;
    import {--alias --public}; info {--vm}; list(ls) {-c/--columns -f/--format}; refresh; set-property; show {--vm}; unset-property;`,
  "network acl": `
    create; delete(rm); edit; get; list(ls) {-f/--format}; rename(mv); set; show; show-log; unset;`,
  "network acl rule": `
    add; remove {--force};`,
  "network": `
    attach; attach-profile; create {--target -t/--type}; delete(rm); detach; detach-profile; edit; get {--target}; info {--target};
    list(ls) {-f/--format}; list-leases {-f/--format}; rename(mv); set {--target}; show {--target}; unset {--target};`,
  "network forward": `
    create {--target}; delete(rm) {--target}; edit {--target}; get; list(ls) {-f/--format}; set {--target}; show {--target}; unset;`,
  "network forward port": `
    add {--target}; remove {--force --target};`,
  "network peer": `
    create; delete(rm); edit; get; list(ls) {-f/--format}; set; show; unset;`,
  "network zone": `
    create; delete(rm); edit; get; list(ls) {-f/--format}; set; show; unset;`,
  "network zone record": `
    create; delete(rm); edit; get; list(ls) {-f/--format}; set; show; unset;`,
  "network zone record entry": `
    add {--ttl}; remove;`,
  "operation": `
    delete(cancel,rm); list(ls) {-f/--format}; show;`,
  "profile": `
    add; assign(apply); copy(cp) {--target-project}; create; delete(rm); edit; get; list(ls) {-f/--format}; remove; rename(mv); set; show; unset;`,
  "profile device": `
    add; get; list(ls); remove(rm); set; show; unset;`,
  "project": `
    create {-c/--config}; delete(rm); edit; get; info {-f/--format}; list(ls) {-f/--format}; rename(mv); set; show; switch; unset;`,
  "remote": `
    add {--accept-certificate --auth-type --domain --password --project --protocol --public}; get-default; list(ls) {-f/--format}; remove(rm);
    rename(mv); set-url; switch(set-default);`,
  "storage": `
    create {--target}; delete(rm); edit; get {--target}; info {--bytes --target}; list(ls) {-f/--format}; set {--target}; show {--resources --target};
    unset {--target};`,
  "storage volume": `
    attach; attach-profile; copy(cp) {--destination-target --mode --refresh --target --target-project --volume-only}; create {--target --type};
    delete(rm) {--target}; detach; detach-profile; edit {--target}; export {--compression --optimized-storage --target --volume-only}; get {--target};
    import {--target}; info {--target}; list(ls) {--all-projects -c/--columns -f/--format};
    move(mv) {--destination-target --mode --target --target-project}; rename {--target}; restore {--target}; set {--target}; show {--target};
    snapshot {--no-expiry --reuse --target}; unset {--target};`,
  "warning": `
    acknowledge(ack); delete(rm) {-a/--all}; list(ls) {-a/--all -c/--columns -f/--format}; show;`,
};
