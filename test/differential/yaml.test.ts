import { testRoundTrips } from "./round-trips.ts";

testRoundTrips("yaml");
