import { withSopsmith } from "sopsmith/next";

export default withSopsmith({});
