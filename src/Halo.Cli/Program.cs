using System.CommandLine;
using Halo.Cli;

// After Ctrl+C a write is asked to be stopped at the practice, which takes two seconds at most, and its key is told.
var ending = new InvocationConfiguration { ProcessTerminationTimeout = TimeSpan.FromSeconds(5) };

// No response files: a parameter's value may well begin with @.
return await HaloCommandLine.Root().Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null }).InvokeAsync(ending);
