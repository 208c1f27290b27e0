# Vivado: out-of-context synthesis, placement and routing of one network, in memory, without a project.
#
#   vivado -mode batch -source vivado_synth.tcl -tclargs rtl     the SystemVerilog in rtl/
#   vivado -mode batch -source vivado_synth.tcl -tclargs hls     the Verilog that Vitis HLS wrote
#
# Reports go to vivado_rtl/ or vivado_hls/. Exit 1: timing is not met. Commands: UG835, flow: UG892
# ("Using Non-Project Mode"), out of context: UG905.

set home [file dirname [file normalize [info script]]]
source [file join $home project.tcl]
cd $home

set from [lindex $argv 0]
if {$from ni {rtl hls}} {
    puts "ERROR: expected -tclargs rtl or -tclargs hls, got '$argv'"
    exit 2
}
set reports [file join $home vivado_$from]
file mkdir $reports

# Verilog names its tables (weights, biases) relative to its own folder, so that is where we read it.
set_part $part
if {$from eq "rtl"} {
    set folder rtl
    set list [file join $folder filelist.f]
    set tables mem/*.mem
} else {
    set folder ${project_name}_prj/solution1/syn/verilog
    set list {}
    set tables *.dat
}
if {![file isdirectory $folder]} {
    puts "ERROR: there is no folder $folder; generate the project, or run C synthesis first"
    exit 2
}
if {$list ne {}} {
    set channel [open $list r]
    set sources [split [string trim [read $channel]] "\n"]
    close $channel
} else {
    set sources [lsort [glob -tails -directory $folder *.v]]
}
cd $folder
read_verilog -sv $sources
set tables [lsort [glob -nocomplain $tables]]
if {[llength $tables] > 0} {
    read_mem $tables
}
read_xdc -mode out_of_context [file join $home ooc.xdc]

synth_design -top $project_name -part $part -mode out_of_context
report_utilization -file $reports/utilization_synth.rpt

opt_design
place_design
phys_opt_design
route_design
write_checkpoint -force $reports/routed.dcp

report_utilization -file $reports/utilization.rpt
report_utilization -hierarchical -file $reports/utilization_hierarchical.rpt
report_timing_summary -max_paths 10 -file $reports/timing_summary.rpt
report_route_status -file $reports/route_status.rpt

set worst [get_timing_paths -max_paths 1 -nworst 1 -setup]
if {[llength $worst] == 0} {
    puts "ERROR: no timed path; is ap_clk constrained in ooc.xdc?"
    exit 1
}
set slack [get_property SLACK $worst]
puts "INFO: worst negative slack (WNS) $slack ns at $clock_period ns"
if {$slack < 0} {
    puts "ERROR: timing not met"
    exit 1
}
exit 0
