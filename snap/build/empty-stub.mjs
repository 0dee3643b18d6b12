// Stands in for packages that are only wanted while developing.
export default {};
