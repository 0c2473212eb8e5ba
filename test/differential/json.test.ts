import { testRoundTrips } from "./round-trips.ts";

testRoundTrips("json");
