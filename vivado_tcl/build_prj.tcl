# Vitis HLS or Vivado HLS: C simulation, synthesis, co-simulation and export of the C++ beside this file.
#
#   vitis_hls -f build_prj.tcl "reset=1 csim=1 synth=1 cosim=1 export=1 vsynth=0"
#   vivado_hls -f build_prj.tcl ...          where project.tcl says `backend vivado`
#
# The words are those of hls4ml's build_prj.tcl; what is left out keeps the value below. The names of
# the design, the part and the clock are in project.tcl. Commands: UG1399, "Vitis HLS Command Reference".

array set opt {
    reset  0
    csim   1
    synth  1
    cosim  1
    export 0
    vsynth 0
}

set home [file dirname [file normalize [info script]]]
source [file join $home project.tcl]
cd $home

# Words without "=" belong to vitis_hls itself.
foreach argument $argv {
    foreach word $argument {
        if {![regexp {^(\w+)=(.*)$} $word -> name value]} continue
        if {![info exists opt($name)] || $value ni {0 1}} {
            puts "ERROR: option '$word': expected one of [lsort [array names opt]], =0 or =1"
            exit 2
        }
        set opt($name) $value
    }
}

proc step {title body} {
    puts "***** $title *****"
    set begin [clock seconds]
    uplevel 1 $body
    puts "***** $title: [expr {[clock seconds] - $begin}] s *****"
}

proc read_text {path} {
    set channel [open $path r]
    set text [read $channel]
    close $channel
    return $text
}

if {$opt(reset)} {
    open_project -reset ${project_name}_prj
} else {
    open_project ${project_name}_prj
}
set_top $project_name
add_files firmware/${project_name}.cpp -cflags "-std=c++11"
add_files -tb ${project_name}_test.cpp -cflags "-std=c++11"
add_files -tb firmware/weights
add_files -tb tb_data
# Vivado HLS has one target only, and no option for it.
set target {}
if {$backend eq "vitis"} {
    set target {-flow_target vivado}
}
if {$opt(reset)} {
    open_solution -reset solution1 {*}$target
} else {
    open_solution solution1 {*}$target
}
set_part $part
create_clock -period $clock_period -name default
set_clock_uncertainty $clock_uncertainty default
config_compile -name_max_length 80
config_dataflow -strict_mode warning

if {$opt(csim)} {
    step "C simulation" {
        csim_design -clean
    }
}

if {$opt(synth)} {
    step "C synthesis" {
        csynth_design
    }
}

if {$opt(cosim)} {
    step "C/RTL co-simulation" {
        # The same test bench; RTL_SIM names the file that its results go to.
        add_files -tb ${project_name}_test.cpp -cflags "-std=c++11 -DRTL_SIM"
        cosim_design -rtl verilog -trace_level none
    }
    if {$opt(csim)} {
        if {[read_text tb_data/csim_results.log] ne [read_text tb_data/rtl_cosim_results.log]} {
            puts "ERROR: tb_data/csim_results.log and tb_data/rtl_cosim_results.log differ"
            exit 1
        }
        puts "INFO: C simulation and co-simulation gave the same results"
    }
}

if {$opt(export)} {
    step "Export" {
        export_design -format ip_catalog -version $version
    }
}
close_project

if {$opt(vsynth)} {
    step "Out-of-context implementation" {
        exec vivado -mode batch -source vivado_synth.tcl -tclargs hls >@ stdout
    }
}
exit 0
