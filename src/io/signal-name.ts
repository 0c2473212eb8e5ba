/** Go's words for the signals that end programs (spec cli 13). */
export function signalName(signal: string): string {
  switch (signal) {
    case "SIGKILL":
      return "killed";
    case "SIGTERM":
      return "terminated";
    case "SIGINT":
      return "interrupt";
    case "SIGQUIT":
      return "quit";
    case "SIGHUP":
      return "hangup";
    case "SIGABRT":
      return "aborted";
    case "SIGSEGV":
      return "segmentation fault";
    case "SIGPIPE":
      return "broken pipe";
    case "SIGALRM":
      return "alarm clock";
    case "SIGXCPU":
      return "CPU time limit exceeded";
    case "SIGUSR1":
      return "user defined signal 1";
    case "SIGUSR2":
      return "user defined signal 2";
    default:
      return signal;
  }
}
