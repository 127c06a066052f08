namespace Halo.Link.Engines;

/// <summary>What the practice lets a command do to its data. It is the database that is held to it, never the text that is judged.</summary>
enum CommandAccess
{
    /// <summary>Whatever the login may.</summary>
    Write,

    /// <summary>Reading, as far as the database's sessions can be held to it, with any login: the policy's <c>modes</c> name neither <c>nonQuery</c> nor <c>storedProcedure</c>.</summary>
    Read,

    /// <summary>Reading, and only with a login that cannot write: the policy's <c>readOnly</c>.</summary>
    ReadOnly,
}
